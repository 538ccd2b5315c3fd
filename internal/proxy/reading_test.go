package proxy_test

import (
	"net/http"
	"testing"

	"bff/internal/proxy"
)

// asked sends one request line and returns the status; 204 is the upstream's.
func (r *rig) asked(line string) int {
	r.t.Helper()
	status := r.raw(line + " HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n").StatusCode
	if seen := r.lines(); (status == 204) != (len(seen) == 1) {
		r.t.Errorf("%s: %d, upstream saw %q", line, status, seen)
	}
	return status
}

func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }

func TestAnEncodedWildcardTakesWhateverHasNoDotSegment(t *testing.T) {
	r := newRig(t, noContent, func(c *proxy.Config) {
		c.Allow = []string{"GET /sites/{siteUrl}/query", "GET /queues/{vhost}/{queue}", "GET /o/{object...}"}
		c.Encoded = []string{"siteUrl", "vhost", "object"}
	})
	for path, status := range map[string]int{
		"/sites/https%3A%2F%2Fexample.com%2F/query": 204,
		"/sites/sc-domain%3Aexample.com/query":      204,
		"/queues/%2F/orders":                        204,
		"/queues/%2Fprod/orders":                    204,
		"/queues/a%2F%2Fb/orders":                   204,
		"/queues/CORP%5Cjdoe/orders":                204,
		"/queues/feature%252Ffoo/orders":            204,
		"/queues/what%3F/orders":                    204,
		"/queues/a%23b/orders":                      204,
		"/queues/100%2525/orders":                   204,
		"/o/photos%2F2026%2F":                       204,
		"/o/photos%2F2026/x%2Fy":                    204,

		"/queues/orders/%2F":               400, // not the wildcard that is named
		"/queues/a/feature%252Ffoo":        400,
		"/queues/a/CORP%5Cjdoe":            400,
		"/queues/a/what%3F":                400,
		"/queues/a/b%23c":                  204,
		"/queues/..%2F/orders":             400,
		"/queues/%2F../orders":             400,
		"/queues/a%2F..%2Fb/orders":        400,
		"/queues/a%2F./orders":             400,
		"/queues/%252e%252e/orders":        400,
		"/queues/a%252F%252e%252e/b":       400,
		"/queues/a%5C..%5Cb/orders":        400,
		"/queues/a%2F%2e%2e/orders":        400,
		"/queues/a%2F..%3Bx/orders":        400,
		"/queues/a%00/orders":              400,
		"/queues/a;b/orders":               400,
		"/queues/a%2F%EF%BC%8E%EF%BC%8E/x": 400,
	} {
		if got := r.asked("GET /api/x" + path); got != status {
			t.Errorf("%s: %d, want %d", path, got, status)
		}
	}
}

// Outside of a mount nothing is lifted.
func TestARequestLineOutsideOfAMountIsReadStrictly(t *testing.T) {
	for path, ok := range map[string]bool{"/a%2Fb": true, "/a%3fb": true, "/a%2F": false, "/a%2F%2Fb": false,
		"/a%5Cb":   false,
		"/a%252Fb": false, "/a/..": false} {
		if err := proxy.CheckLine(lineRequest("GET", path)); (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestACustomVerbIsNoPartOfAWildcard(t *testing.T) {
	r := newRig(t, noContent, func(c *proxy.Config) {
		c.Allow = []string{"/documents/{id}", "PUT /values/{range}", "POST /sheets/{range}",
			"POST /literal/{id}/values:clear",
			"/tree/{path...}", "/all/", "/nested/{id}/parts/{part}"}
		c.Verbs = []string{"range"}
	})
	for line, status := range map[string]int{
		"GET /documents/doc:commit":           204,
		"HEAD /documents/doc:commit":          204,
		"POST /documents/doc":                 204,
		"POST /documents/doc:commit":          400,
		"POST /documents/doc%3Acommit":        400,
		"POST /documents/doc:Commit":          400,
		"POST /documents/doc:COMMIT":          400,
		"POST /documents/doc:batch_update":    400,
		"DELETE /documents/a:b:purge":         400,
		"PATCH /tree/a/b:commit":              400,
		"PATCH /tree/a/b:commit/":             400,
		"PATCH /tree/a:b1/c":                  204,
		"PATCH /tree/a:delete/b":              400,
		"PATCH /tree/a%3Adelete/b":            400,
		"DELETE /nested/x:purge/parts/2":      400,
		"DELETE /nested/x/parts/2:purge":      400,
		"DELETE /nested/x:purge/parts/2:a":    400,
		"DELETE /nested/x/parts/2":            204,
		"GET /nested/x:purge/parts/2":         204,
		"POST /all/doc:commit":                400,
		"PUT /documents/A1:B2":                204,
		"PUT /documents/A:C":                  204,
		"PUT /documents/ada:1":                204,
		"PUT /documents/user:ada@example.com": 204,
		"PUT /documents/trailing:":            204,
		"PUT /values/A1:B2":                   204,
		"POST /sheets/A1:B2:append":           204,
		"POST /literal/x/values:clear":        204,
		"POST /literal/x/values:other":        403,
		"OPTIONS /documents/doc:commit":       400,
	} {
		method, path := cutLine(line)
		if got := r.asked(method + " /api/x" + path); got != status {
			t.Errorf("%s: %d, want %d", line, got, status)
		}
	}
}

func cutLine(line string) (method, path string) {
	for i := range line {
		if line[i] == ' ' {
			return line[:i], line[i+1:]
		}
	}
	return line, ""
}

// TRACE would echo the access token, and CONNECT leave HTTP: a pattern for every method lets neither through.
func TestAPatternOfEveryMethodHasNoTRACE(t *testing.T) {
	r := newRig(t, noContent) // whose list is "/"
	for _, method := range []string{"TRACE", "CONNECT"} {
		if got := r.asked(method + " /api/x/a"); got != 403 {
			t.Errorf("%s: %d", method, got)
		}
	}
	if got := r.asked("FROB /api/x/a"); got != 204 {
		t.Errorf("another method: %d", got)
	}
}

// Frameworks obey a method in the query, and read its name loosely.
func TestAQueryNamesNoOtherMethod(t *testing.T) {
	r := newRig(t, noContent)
	for _, query := range []string{
		"_method=DELETE", "_method=delete", "x=1&_method=PUT", "x=1;_method=PUT", "?_method=DELETE", ".method=DELETE",
		"+_method=DELETE",
		"%20_method=DELETE", "_method%00x=DELETE", "_method%00foo=DELETE", "_method%2500foo=DELETE",
		"_method%5B%5D=DELETE", "_method[]=DELETE", "_HttpMethod=DELETE",
		"method=delete",
		"METHOD=Delete", "%6dethod=DELETE", "%25%36%64ethod=DELETE", "_m%65thod=DELETE", "$httpMethod=DELETE",
		"%24httpMethod=DELETE",
		"x-http-method-override=DELETE", "X-HTTP-Method-Override=DELETE", "X_HTTP_METHOD=DELETE", "httpMethod=PATCH",
		"http_method=PATCH",
		"_method=%44ELETE", "_method=+DELETE", "_method=%22DELETE%22", "method-override=PUT", "verb=DELETE",
		"_verb=PUT", "http-verb=PUT",
		"requestMethod=DELETE", "_method=FROBNICATE", "-method-=DELETE", "method=GET", "_method=GET",
	} {
		if got := r.asked("POST /api/x/a?" + query); got != 403 {
			t.Errorf("%s: %d", query, got)
		}
	}
	for _, query := range []string{
		"method=flickr.photos.search", "method=user.getInfo", "methods=GET", "payment_method=delete",
		"payment_method=card", "_method=POST",
		"method=post", "_method=", "_method", "verb=run", "override=true", "x=method", "q=_method%3DDELETE",
		"deliveryMethod=PUT", "x=1", "a&b",
		"shipping[method]=x", "http=put", "summarize=method", "version=delete", "scheme=http&method=email",
	} {
		if got := r.asked("POST /api/x/a?" + query); got != 204 {
			t.Errorf("%s: %d", query, got)
		}
	}
}
