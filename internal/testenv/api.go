package testenv

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// An APIServer is an upstream that answers only a good bearer token. It keeps what it was asked.
type APIServer struct {
	URL string

	mu    sync.Mutex
	calls []Call
}

// A Call is one request that reached the upstream.
type Call struct {
	Method, Path, Query string
	Header              http.Header
	Token               string
	Subject             string // whose token it was; "" when it was refused
}

// API starts an upstream. check says whose token it is, [OIDCProvider.Check] for example. handler answers good calls;
// nil answers {"sub": …, "path": …}. A bad token gets 401 with invalid_token, as RFC 6750 says.
func API(
	tb testing.TB,
	check func(token string) (subject, scope string, ok bool),
	handler http.HandlerFunc,
) *APIServer {
	tb.Helper()
	a := &APIServer{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		subject, _, ok := check(token)
		a.mu.Lock()
		a.calls = append(a.calls, Call{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Clone(), token, subject})
		a.mu.Unlock()
		if !ok {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if handler != nil {
			handler(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"sub": subject, "path": r.URL.EscapedPath()})
	}))
	tb.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	a.URL = server.URL
	return a
}

// Calls is what reached it so far, refused calls included.
func (a *APIServer) Calls() []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Call{}, a.calls...)
}
