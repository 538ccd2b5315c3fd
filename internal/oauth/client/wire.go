package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strings"

	"bff/internal/dial"
	"bff/internal/trace"
)

const (
	maxDocument = 4 << 20   // bytes of any provider's answer
	maxPartial  = 256 << 10 // bytes of one field of a token answer that is larger than that
	userAgent   = "bff"
)

var errTooLarge = fmt.Errorf("the answer is too large: the bound is %d MiB", maxDocument>>20)

// wire carries every request to one provider. It bounds every answer, and dials an address of the inner network only
// where the operator wrote that host or the issuer itself is inside. A token request it shapes as the provider wants
// it, and the answer it turns into what x/oauth2 can read.
type wire struct {
	next http.RoundTripper
	p    *Provider
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	a, _ := r.Context().Value(answerKey{}).(*Answer)
	if a != nil {
		shaped, err := a.shape(r)
		if err != nil {
			return nil, err
		}
		r = shaped
	}
	r = r.Clone(r.Context())
	trace.Name(r.Context(), r.Header)
	if own := w.p.Shapes.UserAgent; own != "" && r.Header.Get("User-Agent") == userAgent {
		r.Header.Set("User-Agent", own)
	}
	host := strings.ToLower(r.URL.Hostname())
	if !w.p.trusted[host] && !w.p.inside.Load() {
		r = r.WithContext(dial.Outside(r.Context(), host))
	}
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	_ = resp.Body.Close()
	large := len(body) > maxDocument
	switch {
	case err != nil:
		return nil, err
	case large && a == nil:
		return nil, errTooLarge
	}
	if a != nil {
		a.received, a.Status, a.TooLarge = w.p.now(), resp.StatusCode, large
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
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// watchAddress notes whether the issuer's own address is of an inner network, as the connection that is used for r
// says.
func (p *Provider) watchAddress() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if at, err := netip.ParseAddrPort(info.Conn.RemoteAddr().String()); err == nil {
			p.inside.Store(dial.Inside(at.Addr()))
		}
	}}
}

// errNoBody is a token request that x/oauth2 did not make.
var errNoBody = errors.New("the token request has no body")
