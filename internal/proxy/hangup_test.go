package proxy_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"bff/internal/proxy"
	"bff/internal/testenv"
)

// Through Go's client as through bff's own: before the header, and while the body flows.
func TestAClientThatHangsUpEndsTheCall(t *testing.T) {
	for name, own := range map[string]bool{"standard client": false, "own client": true} {
		for where, begin := range map[string]func(http.ResponseWriter){
			"header": func(http.ResponseWriter) {},
			"body": func(w http.ResponseWriter) {
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
			},
		} {
			started, gone := make(chan struct{}), make(chan struct{})
			r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Path == "/base/before" {
					return
				}
				begin(w)
				close(started)
				<-req.Context().Done()
				close(gone)
			}, func(c *proxy.Config) {
				if !own {
					c.Transport = proxy.NewTransport()
				}
			})
			r.do("GET", "/api/x/before", nil) // a connection that is made anew looks at the call's end by itself
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				testenv.Receive(t, "the start of the call", started)
				cancel()
			}()
			req, _ := http.NewRequestWithContext(ctx, "GET", r.server.URL+"/api/x/a", nil)
			if res, err := r.client.Do(req); err == nil {
				if _, err := io.Copy(io.Discard, res.Body); err == nil {
					t.Errorf("%s, %s: answered", name, where)
				}
				_ = res.Body.Close()
			}
			select {
			case <-gone:
			case <-time.After(20 * time.Second):
				t.Fatalf("%s: the upstream still writes its %s", name, where)
			}
		}
	}
}
