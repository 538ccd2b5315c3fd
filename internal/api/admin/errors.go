package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/vault"
)

// storeError is what a service is answered on an error of the vault: never that a session is not there when nobody
// knows.
func (a *Admin) storeError(ctx context.Context, err error) *route.OAuthError {
	if errors.Is(err, vault.ErrUnavailable) || errors.Is(err, context.Canceled) {
		return &route.OAuthError{
			Status:      http.StatusServiceUnavailable,
			Code:        "temporarily_unavailable",
			Description: "the session store does not answer",
			BFFError:    problem.StoreUnavailable,
			Retry:       time.Second,
		}
	}
	a.cfg.Log.ErrorContext(ctx, "unexpected error", "error", err)
	return &route.OAuthError{Status: http.StatusInternalServerError, Code: "server_error", BFFError: problem.Internal}
}
