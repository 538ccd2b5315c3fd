package api_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"bff/internal/api"
	"bff/internal/proxy"
)

// spellings are the ways to write a field's name that some program would take for it.
func spellings(name string) []string {
	swap := func(from, to string) string { return strings.ReplaceAll(name, from, to) }
	return []string{name, strings.ToLower(name), strings.ToUpper(name),
		swap("-", "_"), strings.ToUpper(swap("-", "_")), strings.ToLower(swap("-", "_")), strings.Replace(name, "-", "_", 1),
		swap("-", "."), strings.ToLower(swap("-", ".")), swap("-", "--")}
}

// What a client says of itself in fields that bff or a front proxy would set reaches no backend, at no front, below a
// path or as the whole site, in whatever spelling; and nothing that it says takes the assertion away.
func TestPlantedHeadersAreWorthlessOnEveryFront(t *testing.T) {
	app := newBackendServer(t)
	w := newFronts(t, true, func(s *settings) {
		for _, m := range []proxy.Config{{Name: "app", Path: "/app"}, {Name: "site", Path: "/"}} {
			m.Upstream, m.Backend, m.Allow = app.URL, true, []string{"/{rest...}"}
			s.mounts = append(s.mounts, m)
		}
		three := s.api
		s.api = func(c *api.Config) {
			three(c)
			for i := range c.Mounts[1:] {
				m := &c.Mounts[1+i]
				m.Provider, m.Scopes, m.Identity = "", nil, "app"
			}
			c.Fronts[0].APIs, c.Fronts[1].APIs = []string{"site"}, []string{"app"}
		}
	})
	p := w.visitor("ada")
	for _, at := range []struct{ front, path string }{{shop, "/"}, {shop, "/deep/page"}, {help, "/app/x"}} {
		user := userOf(p.signIn(at.front))
		send := func(lines string) string {
			conn, err := net.Dial("tcp", w.front.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			const request = "GET %s HTTP/1.1\r\nHost: %s\r\nX-CSRF: 1\r\nCookie: bff=%s\r\n%sConnection: close\r\n\r\n"
			_, _ = fmt.Fprintf(conn, request, at.path, strings.TrimPrefix(at.front, "http://"), p.cookie(at.front, "bff"), lines)
			raw, _ := io.ReadAll(conn)
			return string(raw)
		}
		carried := 0
		for _, name := range []string{"BFF-User", "BFF-Session", "BFF-Email", "BFF-Name", "BFF-Rights", "BFF-App-Id",
			"BFF-Request-Id", "Authorization", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
			"X-Forwarded-Uri", "X-Real-IP", "Forwarded", "X-HTTP-Method-Override", "X-Method-Override", "Proxy-Authorization"} {
			for _, spelled := range spellings(name) {
				for _, lines := range []string{spelled + ": planted\r\n", spelled + ": planted\r\nConnection: " + spelled + "\r\n",
					"Connection: authorization, cookie, " + spelled + "\r\n"} {
					_, before := app.last()
					answer := send(lines)
					got, after := app.last()
					if after == before {
						if !strings.HasPrefix(answer, "HTTP/1.1 4") {
							t.Errorf("%q: %.80s", lines, answer)
						}
						continue
					}
					carried++
					for field, values := range got.Header {
						if strings.Contains(strings.Join(values, ","), "planted") {
							t.Errorf("%s: %q reached the backend as %s", at.front, lines, field)
						}
					}
					if c := claims(t, got); c["sub"] != user || c["iss"] != at.front {
						t.Errorf("%s: %q: the assertion is of %v by %v", at.front, lines, c["sub"], c["iss"])
					}
					if strings.Contains(got.Header.Get("Cookie"), "bff=") {
						t.Errorf("%s: %q: bff's cookie reached the backend", at.front, lines)
					}
				}
			}
		}
		if carried < 100 {
			t.Errorf("%s%s: only %d requests reached the backend", at.front, at.path, carried)
		}
	}
}
