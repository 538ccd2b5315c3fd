package client

import (
	"context"
	"errors"
	"net/http"

	"bff/internal/oauth/address"
)

// Check tries what can be tried without a person: the metadata, the keys, the operator's credential. Where a person
// chooses what addresses are made of, and no default stands in, nothing can.
func (p *Provider) Check(ctx context.Context) error {
	if p.Auth != "" {
		return p.checkOperated(ctx)
	}
	p, err := p.For(nil)
	if errors.Is(err, address.ErrMissing) {
		return nil
	}
	if err != nil {
		return err
	}
	m, err := p.Discovery.Metadata(ctx)
	if err != nil || m.Keys == nil {
		return err
	}
	n, err := m.Keys.Fetch(ctx)
	switch {
	case err != nil:
		return p.Fail(KindUnavailable, "fetch the keys of", err)
	case n == 0:
		return p.Fail(KindUnavailable, "read the keys of", errors.New("none of them can verify an ID token"))
	}
	return nil
}

// checkOperated tries the operator's credential. What people type cannot be tried without them.
func (p *Provider) checkOperated(ctx context.Context) error {
	const op = "try the operator's credential at"
	switch {
	case p.Typed():
		return nil
	case p.Keyed():
		_, err := p.UserinfoEndpoint.Try(ctx, p.OperatorKey())
		if KindOf(err) == KindDenied {
			return p.Fail(KindMisconfigured, op, errors.New("it is refused"))
		}
		return err
	}
	m, err := p.Discovery.Metadata(ctx)
	if err != nil {
		return err
	}
	switch a := p.TokenEndpoint.Obtain(ctx, m); {
	case a.Verdict() == Granted:
		return nil
	case a.AboutOperator():
		return p.Fail(KindMisconfigured, op, errors.New("it is refused"))
	case a.Status == http.StatusOK:
		return p.Fail(KindFailed, op, errors.New("its answer is no token answer"))
	}
	return p.Unavailable(op, nil)
}
