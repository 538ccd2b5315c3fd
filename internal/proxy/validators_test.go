package proxy_test

import (
	"io"
	"net/http"
	"testing"
)

// A condition of a browser goes on only for the account that had the answer it names: an upstream that calls the
// answers of two accounts by one ETag would say that nothing changed.
func TestAConditionGoesOnForWhoHadTheAnswer(t *testing.T) {
	const tag, date = `W/"v1"`, "Sat, 01 Jan 2022 00:00:00 GMT"
	var seen http.Header
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		seen = q.Header.Clone()
		w.Header().Set("ETag", tag)
		w.Header().Set("Last-Modified", date)
		_, _ = io.WriteString(w, "x")
	})
	call := func(account, path string, fields ...string) http.Header {
		t.Helper()
		r.mu.Lock()
		r.by.Account = account
		r.mu.Unlock()
		req, err := http.NewRequest(http.MethodGet, r.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(fields); i += 2 {
			req.Header.Add(fields[i], fields[i+1])
		}
		resp, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return seen
	}
	browser := []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "empty"}
	with := func(fields ...string) []string { return append(fields, browser...) }

	got := call("ada", "/api/x/a", with("If-None-Match", tag, "If-Modified-Since", date)...)
	if got.Get("If-None-Match") != "" || got.Get("If-Modified-Since") != "" {
		t.Error("a condition on an answer that nobody had")
	}
	for _, had := range []string{tag, `"v1"`, `W/"v1", "v1"`} {
		if got := call("ada", "/api/x/a", with("If-None-Match", had)...); got.Get("If-None-Match") != had {
			t.Errorf("%s was withheld from who had it", had)
		}
	}
	if got := call("ada", "/api/x/a", with("If-Modified-Since", date)...); got.Get("If-Modified-Since") != date {
		t.Error("the date was withheld from who had it")
	}
	got = call("ada", "/api/x/a", with("Range", "bytes=0-0", "If-Range", tag)...)
	if got.Get("If-Range") != tag || got.Get("Range") == "" {
		t.Error("a range was withheld from who had its whole")
	}
	call("bob", "/api/x/both", browser...)
	call("ada", "/api/x/both", browser...)
	for _, who := range []string{"ada", "bob"} { // whose answer the browser keeps is not said
		if got := call(who, "/api/x/both", with("If-None-Match", tag)...); got.Get("If-None-Match") != "" {
			t.Errorf("%s's condition went on, though another account had an answer of that name", who)
		}
	}
	for name, got := range map[string]http.Header{
		"another account":         call("bob", "/api/x/a", with("If-None-Match", tag, "If-Modified-Since", date)...),
		"another address":         call("ada", "/api/x/b", with("If-None-Match", tag)...),
		"another query":           call("ada", "/api/x/a?x=1", with("If-None-Match", tag)...),
		"any answer":              call("cid", "/api/x/a", with("If-None-Match", "*")...),
		"one had, one had not":    call("ada", "/api/x/a", with("If-None-Match", tag+`, "v2"`)...),
		"a date":                  call("dan", "/api/x/a", with("If-Modified-Since", date)...),
		"a part of another whole": call("eve", "/api/x/a", with("Range", "bytes=0-0", "If-Range", tag)...),
	} {
		for _, field := range []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
			if got.Get(field) != "" {
				t.Errorf("%s: %s %s left", name, field, got.Get(field))
			}
		}
	}
	// A client that is no browser has no cache but its own.
	if got := call("fay", "/api/x/a", "If-None-Match", tag); got.Get("If-None-Match") != tag {
		t.Error("a script's own condition was withheld")
	}
}
