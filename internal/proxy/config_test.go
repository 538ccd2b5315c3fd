package proxy_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bff/internal/proxy"
)

func TestMistakesOfTheConfigurationSayWhatToWrite(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*proxy.Config)
		field  string
		says   string
	}{
		{"a pattern without a slash", func(c *proxy.Config) { c.Allow = []string{"GET /a", "GET users/me"} },
			"allow[1]", `write "GET /users/me"`},
		{"a pattern with a host", func(c *proxy.Config) { c.Allow = []string{"GET api.example.com/users"} },
			"allow[0]", `write "GET /users"`},
		{"a method in lower case", func(c *proxy.Config) { c.Allow = []string{"get /users"} }, "allow[0]",
			`write "GET /users"`},
		{"a URL", func(c *proxy.Config) { c.Allow = []string{"GET https://api.example.com/users"} }, "allow[0]",
			`write "GET /users"`},
		{"a query", func(c *proxy.Config) { c.Allow = []string{"GET /users?x=1"} }, "allow[0]", "write the path alone"},
		{"TRACE", func(c *proxy.Config) { c.Allow = []string{"TRACE /users"} }, "allow[0]", "never carried"},
		{"CONNECT", func(c *proxy.Config) { c.Allow = []string{"CONNECT /users"} }, "allow[0]", "never carried"},
		{"nothing", func(c *proxy.Config) { c.Allow = []string{""} }, "allow[0]", `write "/"`},
		{"a path that goes up", func(c *proxy.Config) { c.Allow = []string{"GET /a/../b"} }, "allow[0]", "unclean"},
		{"a path that goes up, without a method", func(c *proxy.Config) { c.Allow = []string{"/a/../b"} }, "allow[0]",
			"never be let through"},
		{"a path that goes up, encoded", func(c *proxy.Config) { c.Allow = []string{"GET /a/%2e%2e/b"} }, "allow[0]",
			"never be let through"},
		{"a backslash", func(c *proxy.Config) { c.Allow = []string{`GET /a/%5cb`} }, "allow[0]",
			"never be let through"},
		{"a wildcard in the middle of a segment", func(c *proxy.Config) { c.Allow = []string{"GET /a/b{id}"} },
			"allow[0]", "bad wildcard"},
		{"a wildcard twice", func(c *proxy.Config) { c.Allow = []string{"GET /{id}/{id}"} }, "allow[0]",
			"duplicate wildcard"},
		{"a wildcard nobody has", func(c *proxy.Config) {
			c.Allow, c.Encoded = []string{"GET /{id}"},
				[]string{"project"}
		}, "encoded[0]", "write {project}"},
		{"no upstream", func(c *proxy.Config) { c.Upstream = "" }, "upstream", `write "https://api.example.com/v1"`},
		{"a relative upstream", func(c *proxy.Config) { c.Upstream = "api.example.com/v1" }, "upstream",
			`write "https://`},
		{"an upstream of another scheme", func(c *proxy.Config) { c.Upstream = "ftp://api.example.com/v1" },
			"upstream", `write "https://`},
		{"credentials in the upstream", func(c *proxy.Config) { c.Upstream = "https://u:p@api.example.com/v1" },
			"upstream", "take them out"},
		{"a query in the upstream", func(c *proxy.Config) { c.Upstream = "https://api.example.com/v1?k=1" },
			"upstream", "no query"},
		{"an upstream that goes up", func(c *proxy.Config) { c.Upstream = "https://api.example.com/v1/../v2" },
			"upstream", "without dot segments"},
		{"a further upstream without a path",
			func(c *proxy.Config) { c.Upstreams = map[string]string{"upload": "https://a.example"} }, `upstreams["upload"]`, `write "/upload"`},
		{"a further upstream that is none", func(c *proxy.Config) { c.Upstreams = map[string]string{"/upload": "x"} },
			`upstreams["/upload"]`, `write "https://`},
		{"a mount path with a slash at its end", func(c *proxy.Config) { c.Path = "/api/x/" }, "path",
			`write "/api/name"`},
		{"a mount path with an escape", func(c *proxy.Config) { c.Path = "/api/%78" }, "path", `write "/api/name"`},
		{"a mount path that goes up", func(c *proxy.Config) { c.Path = "/api/../x" }, "path", `write "/api/name"`},
		{"neither path nor host", func(c *proxy.Config) { c.Path = "" }, "path", `write "/api/x"`},
		{"a host that is a URL", func(c *proxy.Config) { c.Host = "https://drive.example.com" }, "host",
			`write "drive.app.example.com"`},
		{"no origin", func(c *proxy.Config) { c.Origin = "" }, "origin", `write "https://app.example.com"`},
		{"a field to rewrite without a root", func(c *proxy.Config) { c.Rewrite = []string{"paging.next"} },
			"rewrite[0]", "$.paging.next"},
		{"a field to rewrite with a filter", func(c *proxy.Config) { c.Rewrite = []string{"$.a", "$..next"} },
			"rewrite[1]", "$.paging.next"},
		{"a header that is Cookie", func(c *proxy.Config) { c.SetHeaders = map[string]string{"Cookie": "a=b"} },
			`headers["Cookie"]`, "cannot be set"},
		{"a header that is of this hop",
			func(c *proxy.Config) { c.SetHeaders = map[string]string{"Transfer-Encoding": "x"} }, `headers["Transfer-Encoding"]`, "cannot be set"},
		{"a header that carries the token",
			func(c *proxy.Config) { c.SetHeaders = map[string]string{"authorization": "x"} }, `headers["authorization"]`, "carries the token"},
		{"a header with a line end", func(c *proxy.Config) { c.SetHeaders = map[string]string{"X-A": "a\r\nB: c"} },
			`headers["X-A"]`, "control characters"},
		{"a header without a name", func(c *proxy.Config) { c.Header = "X Token" }, "header",
			"letters, digits and hyphens"},
	} {
		cfg := proxy.Config{Name: "x", Path: "/api/x", Origin: "https://app.example.com",
			Upstream: "https://api.example.com/v1", Allow: []string{"GET /a"}}
		row.change(&cfg)
		_, err := proxy.New(cfg)
		var e *proxy.ConfigError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if e.Field != row.field || !strings.Contains(e.Err.Error(), row.says) {
			t.Errorf("%s: %v", row.name, e)
		}
	}
}

func TestAllMistakesComeAtOnce(t *testing.T) {
	_, err := proxy.New(proxy.Config{Name: "x", Origin: "https://app.example.com", Allow: []string{"get /", "a"}})
	if n := strings.Count(err.Error(), "\n") + 1; n != 4 {
		t.Errorf("%d: %v", n, err)
	}
}

func TestNothingIsAllowedUnlessListed(t *testing.T) {
	m, err := proxy.New(proxy.Config{Name: "x", Path: "/api/x", Origin: "https://app.example.com",
		Upstream: "https://api.example.com/v1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Find(httptest.NewRequest("GET", "/api/x/", nil)); !errors.Is(err, proxy.ErrNotAllowed) {
		t.Errorf("%v", err)
	}
}

// The pattern language is ServeMux's: on clean paths both say the same.
func TestPatternsMatchAsServeMuxDoes(t *testing.T) {
	segment := rapid.SampledFrom([]string{"a", "b", "{x}", "c%20d", "e.f"})
	value := rapid.SampledFrom([]string{"a", "b", "c%20d", "e.f", "z", "a", "b"})
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.SampledFrom([]string{"GET ", "POST ", ""}).Draw(t, "method")
		seen := false
		for _, s := range rapid.SliceOfN(segment, 0, 3).Draw(t, "pattern") {
			if s == "{x}" && seen {
				s = "b"
			}
			seen = seen || s == "{x}"
			pattern += "/" + s
		}
		pattern += rapid.SampledFrom([]string{"", "/", "/{$}", "/{rest...}"}).Draw(t, "end")
		if strings.HasSuffix(pattern, " ") || pattern == "" {
			pattern += "/"
		}
		path := "/" + strings.Join(rapid.SliceOfN(value, 0, 4).Draw(t, "path"), "/")
		if rapid.Bool().Draw(t, "slash") && path != "/" {
			path += "/"
		}
		method := rapid.SampledFrom([]string{"GET", "HEAD", "POST", "PUT"}).Draw(t, "request method")
		m, err := proxy.New(proxy.Config{Name: "x", Path: "/api/x", Origin: "https://app.example.com",
			Upstream: "https://api.example.com", Allow: []string{pattern}})
		if err != nil {
			t.Fatalf("%q: %v", pattern, err)
		}
		mux := http.NewServeMux()
		mux.Handle(pattern, http.NotFoundHandler())
		h, matched := mux.Handler(httptest.NewRequest(method, path, nil))
		want := matched != "" && !isRedirect(h)
		_, err = m.Find(httptest.NewRequest(method, "/api/x"+path, nil))
		if (err == nil) != want {
			t.Fatalf("%q on %s %s: %v, ServeMux says %v", pattern, method, path, err, want)
		}
	})
}
