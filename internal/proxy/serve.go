package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"bff/internal/proxy/coding"
	"bff/internal/secret"
	"bff/internal/trace"
)

// newProxy builds the ReverseProxy of WebSockets. Everything else is forward's.
func (m *Mount) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        m.rewrite,
		Transport:      carrier{m},
		ModifyResponse: answered,
		ErrorHandler:   failed,
		BufferPool:     m.small,
		FlushInterval:  flushWithin,
		ErrorLog:       log.New(io.Discard, "", log.Lshortfile), // it would print what came over the wire
	}
}

// Serve carries a call. An error comes back only when nothing was written, and w is still the caller's:
// ErrUpstreamFailed, ErrUpstreamTimeout, ErrBodyTooLarge, ErrBadBody, ErrEnded, a [*ScopeChallenge], or what Renew or
// Authorize returned, wrapped. An answer that breaks off half-way panics with http.ErrAbortHandler, which breaks off
// the client's connection too.
func (m *Mount) Serve(w http.ResponseWriter, r *http.Request, c *Call, by Caller) error {
	if m.cfg.MaxBody > 0 && r.ContentLength > m.cfg.MaxBody {
		return ErrBodyTooLarge
	}
	if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
		// net/http forgets a Content-Length beside it; whoever did not must get no second answer on this connection
		// (RFC 9112 section 6.1).
		w.Header().Set("Connection", "close")
	}
	if err := c.aim(m, by.Target); err != nil {
		return err
	}
	x := &exchange{mount: m, w: w, in: r, call: c, by: by, socket: isSocket(r),
		masks: masks{mount: m, cred: by.Credential, more: by.Secrets}}
	x.sparse = x.socket || strings.Contains(r.Header.Get("Accept"), "text/event-stream")
	x.live(r.Context())
	if x.socket {
		x.before = w.Header().Clone()
	}
	x.body.open(x, r)
	x.start()
	defer x.finish()
	if x.socket {
		m.sockets.ServeHTTP(x, r.WithContext(x))
	} else {
		x.forward()
	}
	if x.wrote {
		x.abandonBody()
		return nil
	}
	x.answerEarly()
	x.abandonBody()
	return x.err
}

// rewrite makes the outbound request of a WebSocket handshake. Out is a deep copy of In without hop-by-hop fields.
func (m *Mount) rewrite(pr *httputil.ProxyRequest) {
	x := exchangeOf(pr.In.Context())
	m.filterOut(pr.Out.Header, true)
	m.address(x, pr.Out)
}

// setFields writes the fields of an outbound request that are not the client's own.
func (m *Mount) setFields(x *exchange, h http.Header) {
	if len(m.fields) > 0 {
		reduceEncodings(h)
	} else if accepted := h["Accept-Encoding"]; len(accepted) > 0 {
		h["Accept-Encoding"] = coding.Offer(accepted)
		if len(h["Range"]) > 0 { // a part of what is compressed cannot be decoded
			h["Accept-Encoding"] = []string{"identity"}
		}
	}
	if m.cfg.Backend {
		m.forwardedFor(x, h)
	} else {
		x.conditions().unbind(h)
	}
	for name, value := range m.cfg.SetHeaders {
		h[http.CanonicalHeaderKey(name)] = []string{value}
	}
	for name, value := range x.call.header {
		h[http.CanonicalHeaderKey(name)] = []string{value}
	}
	trace.Name(x.in.Context(), h)
}

// ConnectionNames lists the connections r names, by the header and by the query. A value that cannot be decoded is
// listed as it came: it names none.
func ConnectionNames(r *http.Request) []string {
	names := r.Header["Bff-Connection"]
	if !mayName(r.URL.RawQuery) {
		return names
	}
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if !namesConnection(name) {
			continue
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		names = append(slices.Clip(names), value)
	}
	return names
}

// withoutConnection takes bff_connection out of a query, and leaves every other byte where it was.
func withoutConnection(query string, forced bool) (string, bool) {
	if !mayName(query) {
		return query, forced
	}
	found := false
	kept := make([]string, 0, 8)
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); namesConnection(name) {
			found = true
			continue
		}
		kept = append(kept, pair)
	}
	if !found {
		return query, forced
	}
	return strings.Join(kept, "&"), forced && len(kept) > 0
}

// mayName is a quick look at a query: most have no bff_connection in any spelling.
func mayName(query string) bool {
	return strings.Contains(query, "bff") || strings.Contains(query, "%")
}

// namesConnection says whether the name of a query's pair is bff_connection.
func namesConnection(name string) bool {
	decoded, err := url.QueryUnescape(name)
	return err == nil && decoded == "bff_connection"
}

// A carrier is the transport below ReverseProxy: one round trip, and a second one after a 401 that means the token.
type carrier struct{ m *Mount }

func (c carrier) RoundTrip(out *http.Request) (*http.Response, error) {
	x := exchangeOf(out.Context())
	res, err := c.send(x, out)
	if err == nil && res.StatusCode == http.StatusUnauthorized && x.by.Renew != nil && meansToken(res.Header) {
		res, err = c.again(x, out, res)
	}
	if err == nil && len(c.m.cfg.Retry.Statuses) > 0 {
		res, err = c.retried(x, out, res)
	}
	if err == nil {
		x.flowing.Store(true)
		x.owed(time.Time{})
	}
	return res, err
}

// send authorizes out and sends it.
func (c carrier) send(x *exchange, out *http.Request) (*http.Response, error) {
	if err := x.masks.cred.Authorize(out); err != nil {
		if out.Body != nil {
			_ = out.Body.Close()
		}
		return nil, &credentialError{err}
	}
	return c.m.transport.RoundTrip(x.call.limited(out))
}

// again renews the token and repeats the call when its body can be sent again. The token is renewed in any case: the
// client will try again.
func (c carrier) again(x *exchange, out *http.Request, res *http.Response) (*http.Response, error) {
	x.owed(time.Time{}) // whoever renews has limits of his own
	fresh, err := x.by.Renew(x)
	if err != nil {
		_ = res.Body.Close()
		return nil, &credentialError{err}
	}
	if fresh == nil || slices.EqualFunc(fresh.Secrets(), x.masks.cred.Secrets(), secret.Text.Equal) {
		return res, nil
	}
	body, err := x.body.resend()
	if err != nil {
		return res, nil
	}
	x.owed(time.Now())
	if res.ContentLength >= 0 && res.ContentLength <= 4<<10 { // read to its end, the connection can be used again
		_, _ = io.CopyN(io.Discard, res.Body, res.ContentLength)
	}
	_ = res.Body.Close()
	x.masks.renew(fresh)
	next := out.Clone(out.Context())
	next.Body, next.Trailer = body, x.body.sent
	return c.send(x, next)
}

// A credentialError carries what Renew or Authorize returned through ReverseProxy.
type credentialError struct{ err error }

func (e *credentialError) Error() string { return "authorize the call: " + e.err.Error() }
func (e *credentialError) Unwrap() error { return e.err }

// failed is ReverseProxy's error handler: nothing is written here, the error goes back to the caller of Serve.
func failed(w http.ResponseWriter, _ *http.Request, err error) {
	x := w.(*exchange)
	x.err = x.meaning(err)
}

// meaning turns an error of the wire into one of ours. Its text never holds what came over the wire.
func (x *exchange) meaning(err error) error {
	var challenge *ScopeChallenge
	var credential *credentialError
	switch {
	case errors.As(err, &challenge), errors.As(err, &credential):
		return err
	}
	if cause := x.why(); cause == ErrEnded || cause == ErrUpstreamTimeout || cause == ErrBadBody {
		return x.failure(cause, "no byte in time")
	}
	if e := bodyError(x.body.failure()); e != nil { // first: who sends half a body and no more may still read
		return x.failure(e, "the request's body")
	}
	if e := x.in.Context().Err(); e != nil {
		return fmt.Errorf("call %s: the client is gone: %w", x.mount.cfg.Name, context.Canceled)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return x.failure(ErrUpstreamTimeout, reason(err))
	}
	return x.failure(ErrUpstreamFailed, reason(err))
}

func (x *exchange) failure(kind error, why string) error {
	if (kind == ErrUpstreamFailed || kind == ErrUpstreamTimeout) && x.mount.outage.due() {
		x.mount.cfg.Log.WarnContext(x.in.Context(), "the upstream of an api does not answer as it should", "api",
			x.mount.cfg.Name, "reason", why)
	}
	return fmt.Errorf("call %s: %w: %s", x.mount.cfg.Name, kind, why)
}

// reason says in constant words what broke.
func reason(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &dns):
		return "its name cannot be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid):
		return "its certificate is not trusted"
	case errors.As(err, &record):
		return "it does not speak TLS"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it closed the connection"
	case errors.As(err, &op) && op.Op == "dial":
		return "it cannot be reached"
	}
	return "it broke off, or its answer cannot be read"
}
