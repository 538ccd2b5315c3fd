package route

import (
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"bff/internal/api/problem"
)

// An OAuthError is an error answer of RFC 6749 section 5.2. Its texts are constants.
type OAuthError struct {
	Status      int           `json:"-"`
	Code        string        `json:"error"`
	Description string        `json:"error_description,omitempty"`
	BFFError    problem.Code  `json:"bff_error,omitempty"` // the same in the words of the browsers' listener, where there is one
	Retry       time.Duration `json:"-"`
	Challenge   bool          `json:"-"` // say that HTTP Basic is how to authenticate
}

// Invalid is an invalid_request.
func Invalid(description string) *OAuthError {
	return &OAuthError{Status: http.StatusBadRequest, Code: "invalid_request", Description: description}
}

func (e *OAuthError) Error() string { return e.Code }

// Respond implements Responder.
func (e *OAuthError) Respond(c *Call) error {
	h := c.W.Header()
	if e.Retry > 0 {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.Retry.Seconds())))))
	}
	if e.Challenge {
		h.Set("WWW-Authenticate", `Basic realm="bff", charset="UTF-8"`)
	}
	return c.JSON(e.Status, e)
}

// ReadForm reads a form strictly: its content type, nothing in the address, no parameter twice (RFC 6749 section 3.2).
func ReadForm(r *http.Request) (url.Values, *OAuthError) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, Invalid("the content type must be application/x-www-form-urlencoded")
	}
	if r.URL.RawQuery != "" {
		return nil, Invalid("parameters belong into the body: addresses end up in logs")
	}
	body, err := io.ReadAll(r.Body) // bounded by the caller
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, &OAuthError{
				Status:      http.StatusRequestEntityTooLarge,
				Code:        "invalid_request",
				Description: "the body is too large",
				BFFError:    problem.BodyTooLarge,
			}
		}
		return nil, Invalid("the body broke off")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, Invalid("the form is malformed")
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, Invalid("a parameter is repeated")
		}
		if values[0] == "" { // without a value: as if it were not there
			delete(form, name)
		}
	}
	return form, nil
}
