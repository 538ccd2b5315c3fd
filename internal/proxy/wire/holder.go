package wire

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
)

// A Holder is for whom a call is made, by [HolderKey] of its context: it ends what the call waits for when the context
// ends, so that the client need not watch it, and learns of informational answers. A context without one is watched,
// and its httptrace.ClientTrace called.
type Holder interface {
	// Hold has c closed when the context ends. It reports false where it has ended already. It holds one at a time.
	Hold(c io.Closer) bool
	// Let takes c back. It reports false where c is closed, or about to be.
	Let(c io.Closer) bool
	// Hint is httptrace.ClientTrace.Got1xxResponse.
	Hint(status int, header textproto.MIMEHeader) error
}

// HolderKey is the key under which a context has its Holder.
type HolderKey struct{}

func holderOf(ctx context.Context) Holder {
	if h, ok := ctx.Value(HolderKey{}).(Holder); ok {
		return h
	}
	return &watcher{ctx: ctx}
}

// traced has the transport tell a request's Holder of informational answers.
func traced(r *http.Request) *http.Request {
	h, ok := r.Context().Value(HolderKey{}).(Holder)
	if !ok {
		return r
	}
	return r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got1xxResponse: h.Hint}))
}

// A watcher is the Holder of a context that has none.
type watcher struct {
	ctx  context.Context
	stop func() bool
}

func (w *watcher) Hold(c io.Closer) bool {
	w.stop = context.AfterFunc(w.ctx, func() { _ = c.Close() })
	return true
}

func (w *watcher) Let(io.Closer) bool { return w.stop() }

func (w *watcher) Hint(status int, header textproto.MIMEHeader) error {
	if t := httptrace.ContextClientTrace(w.ctx); t != nil && t.Got1xxResponse != nil {
		return t.Got1xxResponse(status, header)
	}
	return nil
}
