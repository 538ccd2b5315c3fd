package client

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"

	"bff/internal/dial"
	"bff/internal/trace"
)

const (
	maxDocument = 4 << 20 // bytes of any provider's answer
	userAgent   = "bff"
)

var errTooLarge = fmt.Errorf("the answer is too large: the bound is %d MiB", maxDocument>>20)

// wire carries every request to one provider. It dials an address of the inner network only where the operator wrote
// that host or the issuer itself is inside.
type wire struct {
	next      http.RoundTripper
	userAgent string          // the provider's own; "" for bff's
	trusted   map[string]bool // hosts that the operator wrote
	inside    atomic.Bool     // the issuer's own address is of an inner network
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	trace.Name(r.Context(), r.Header)
	if w.userAgent != "" && r.Header.Get("User-Agent") == userAgent {
		r.Header.Set("User-Agent", w.userAgent)
	}
	host := strings.ToLower(r.URL.Hostname())
	if !w.trusted[host] && !w.inside.Load() {
		r = r.WithContext(dial.Outside(r.Context(), host))
	}
	return w.next.RoundTrip(r)
}

// watchAddress notes whether the issuer's own address is of an inner network, as the connection that is used for a
// request to it says. The address of a proxy of the environment says nothing of the issuer's.
func (w *wire) watchAddress(issuer string) *httptrace.ClientTrace {
	own := false
	return &httptrace.ClientTrace{
		GetConn: func(address string) {
			u, err := url.Parse(issuer)
			host, _, split := net.SplitHostPort(address)
			own = err == nil && split == nil && strings.EqualFold(host, u.Hostname())
		},
		GotConn: func(info httptrace.GotConnInfo) {
			if at, err := netip.ParseAddrPort(info.Conn.RemoteAddr().String()); err == nil && own {
				w.inside.Store(dial.Inside(at.Addr()))
			}
		},
	}
}

// bound bounds every answer.
type bound struct{ next http.RoundTripper }

func (b bound) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, large, err := readBody(resp)
	switch {
	case err != nil:
		return nil, err
	case large:
		return nil, errTooLarge
	}
	putBody(resp, body)
	return resp, nil
}

// readBody reads an answer. Of one that is larger than the bound it has one byte more than that.
func readBody(resp *http.Response) (body []byte, large bool, _ error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	_ = resp.Body.Close()
	return body, len(body) > maxDocument, err
}

func putBody(resp *http.Response, body []byte) {
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}
