package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bff/internal/dial"
	"bff/internal/httpfield"
	"bff/internal/oauth/claims"
)

const (
	documentTimeout   = 5 * time.Second
	documentRedirects = 3
	maxRetryAfter     = 5 * time.Minute
)

// A caller makes the requests to one provider, for some values.
type caller struct {
	*Reports
	wire *wire
	http *http.Client // bounds every answer
}

func newCaller(r *Reports, w *wire) *caller {
	return &caller{Reports: r, wire: w, http: client(bound{w})}
}

// client follows no redirect.
func client(carry http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     carry,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// do makes a request and reads its answer, which the transport bounds.
func (c *caller) do(r *http.Request) (status int, header http.Header, body []byte, err error) {
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	return resp.StatusCode, resp.Header, body, err
}

// document reads a public JSON document: metadata or keys. A redirect is followed on the same host. The error says,
// in fixed words and without an address, why it could not be read.
func (c *caller) document(ctx context.Context, address string) (claims.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	for range documentRedirects + 1 {
		body, next, err := c.get(ctx, address)
		if err != nil {
			return nil, err
		}
		if next == "" {
			o, err := claims.Parse(body)
			if err != nil {
				return nil, errors.New("the answer is not a JSON object")
			}
			return o, nil
		}
		address = next
	}
	return nil, errors.New("it redirects too often")
}

// get makes one request. next is where a redirect on the same host leads.
func (c *caller) get(ctx context.Context, address string) (body []byte, next string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", errors.New("the address does not parse")
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, "", reason(err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch s := resp.StatusCode; {
	case s >= 300 && s < 400 && s != http.StatusNotModified:
		to, err := resp.Location()
		if err != nil || !sameOrigin(to, r.URL) {
			return nil, "", errors.New("it redirects to another host; write the address where it is")
		}
		return nil, to.String(), nil
	case s != http.StatusOK:
		return nil, "", fmt.Errorf("it answers %d instead of 200", s)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	if err != nil {
		return nil, "", errors.New("the answer broke off")
	}
	return body, "", nil
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) }

// reason says in fixed words why a request has no answer.
func reason(err error) error {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, errTooLarge):
		return errTooLarge
	case errors.Is(err, dial.ErrInside):
		return dial.ErrInside
	case errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &name), errors.As(err, &verification):
		return errors.New("its certificate is not trusted (TLS)")
	case errors.As(err, &record):
		return errors.New("it does not speak TLS")
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	}
	return errors.New("no connection")
}

func retryAfter(h http.Header, now time.Time) time.Duration {
	return httpfield.RetryAfter(h, now, maxRetryAfter)
}
