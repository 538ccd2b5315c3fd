package client

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"bff/internal/oauth/providers"
	"bff/internal/secret"
)

// errNoBody is a token request that x/oauth2 did not make.
var errNoBody = errors.New("the token request has no body")

// A tokenRequest is one request to a token endpoint, through x/oauth2.
type tokenRequest struct {
	auth      *clientAuth
	m         *Metadata
	params    map[string]string // beyond the standard's
	address   string            // when it does not go to the token endpoint
	refresh   bool
	longLived bool // it exchanges a short-lived token for a long-lived one
}

// send makes the request over the wire w, and keeps what x/oauth2 would forget of the answer.
func (q *tokenRequest) send(
	ctx context.Context,
	w *wire,
	do func(context.Context, *http.Client) (*oauth2.Token, error),
) *Answer {
	a := &Answer{cfg: q.auth.cfg, refresh: q.refresh}
	http := client(&tokenWire{next: w, request: q, answer: a, now: q.auth.now})
	tok, err := do(context.WithValue(ctx, oauth2.HTTPClient, http), http)
	if a.err = err; err != nil {
		a.IDToken = secret.Text{}
		return a
	}
	a.take(tok)
	return a
}

// tokenWire carries a token request as the provider wants it, and turns the answer into what x/oauth2 can read.
type tokenWire struct {
	next    http.RoundTripper
	request *tokenRequest
	answer  *Answer
	now     func() time.Time
}

func (w *tokenWire) RoundTrip(r *http.Request) (*http.Response, error) {
	a := w.answer
	r, err := w.request.shape(r, &a.sent)
	if err != nil {
		return nil, err
	}
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, large, err := readBody(resp)
	if err != nil {
		return nil, err
	}
	a.received, a.Status, a.TooLarge = w.now(), resp.StatusCode, large
	a.RetryAfter = retryAfter(resp.Header, a.received)
	if normal, ok := a.normalize(body); ok {
		body = normal
		resp.Header.Set("Content-Type", "application/json")
	} else {
		// x/oauth2 takes this type for JSON: it must not find tokens where none were found here.
		resp.Header.Set("Content-Type", "application/octet-stream")
		if large {
			return nil, errTooLarge
		}
	}
	putBody(resp, body)
	return resp, nil
}

// shape turns x/oauth2's token request into what the provider wants: parameters, names, body, headers, client
// authentication. sent becomes true when the request leaves.
func (q *tokenRequest) shape(r *http.Request, sent *atomic.Bool) (*http.Request, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxDocument))
	_ = r.Body.Close()
	if err != nil {
		return nil, errNoBody
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the token request is no form")
	}
	for k, v := range q.params {
		form.Set(k, v)
	}
	if q.auth.style(q.m) == providers.PrivateKeyJWT {
		if err := q.auth.assert(q.m, form); err != nil {
			return nil, err
		}
	}
	if name := q.auth.cfg.Client.IDParam; name != "" && form.Has("client_id") {
		form.Set(name, form.Get("client_id"))
		form.Del("client_id")
	}
	q.rename(form)
	trace := &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}
	r = r.Clone(httptrace.WithClientTrace(r.Context(), trace))
	if q.address != "" {
		if r.URL, err = url.Parse(q.address); err != nil {
			return nil, errors.New("the address does not parse")
		}
		r.Host = ""
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	for k, v := range q.auth.cfg.Token.Headers {
		r.Header.Set(k, v)
	}
	if q.method() == http.MethodGet {
		intoAddress(r, form)
	} else {
		encodeBody(r, form, q.auth.cfg.Token.Body)
	}
	return r, nil
}

// rename gives the parameters of a token request the provider's own names.
func (q *tokenRequest) rename(form url.Values) {
	names := q.auth.cfg.Shapes.TokenNames
	if q.refresh && len(q.auth.cfg.Shapes.RefreshNames) > 0 {
		names = maps.Clone(names)
		if names == nil {
			names = map[string]string{}
		}
		maps.Copy(names, q.auth.cfg.Shapes.RefreshNames)
	}
	for name, own := range names {
		if form.Has(name) {
			values := form[name]
			delete(form, name)
			form[own] = values
		}
	}
}

// method is that of the token request.
func (q *tokenRequest) method() string {
	s := &q.auth.cfg.Shapes
	switch {
	case q.longLived:
		return cmp.Or(s.LongLivedMethod, http.MethodPost)
	case q.refresh:
		return cmp.Or(s.RefreshMethod, s.TokenMethod, http.MethodPost)
	}
	return cmp.Or(s.TokenMethod, http.MethodPost)
}

// intoAddress moves the parameters of a request from its body into its address.
func intoAddress(r *http.Request, form url.Values) {
	q := r.URL.Query()
	maps.Copy(q, form)
	address := *r.URL
	address.RawQuery = q.Encode()
	r.Method, r.URL, r.Body, r.ContentLength, r.GetBody = http.MethodGet, &address, nil, 0, nil
	r.Header.Del("Content-Type")
}
