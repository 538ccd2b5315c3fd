package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bff/internal/testenv"
)

func patchAs(kind string) edit { return header("Content-Type", kind) }

var mergePatch = patchAs("application/merge-patch+json")

// The examples of RFC 7396 appendix A, as far as the root is an object.
func TestPreferencesAreMergedAsRFC7396Says(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	if got := text(b.fetch("GET", "/bff/preferences", "")); got != "{}" {
		t.Fatalf("before the first write: %s", got)
	}
	for _, c := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"a":1}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"n":1}`, `{"n":12345678901234567890.10}`, `{"n":12345678901234567890.10}`},
		{`{"t":"x"}`, `{"t":"<&>\u2028é"}`, "{\"t\":\"<&>\\u2028é\"}"},
	} {
		b.fetch("PATCH", "/bff/preferences", reset(object(t, b.fetch("GET", "/bff/preferences", ""))), mergePatch)
		b.fetch("PATCH", "/bff/preferences", c[0], mergePatch)
		resp := b.fetch("PATCH", "/bff/preferences", c[1], patchAs("application/json; charset=utf-8"))
		if got := text(resp); resp.StatusCode != http.StatusOK || got != c[2] {
			t.Errorf("%s and %s: %d %s, want %s", c[0], c[1], resp.StatusCode, got, c[2])
		}
		if got := text(b.fetch("GET", "/bff/preferences", "")); got != c[2] {
			t.Errorf("%s and %s: stored %s", c[0], c[1], got)
		}
	}
}

// reset is a patch that removes everything.
func reset(doc map[string]any) string {
	var parts []string
	for name := range doc {
		parts = append(parts, fmt.Sprintf("%q:null", name))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestPreferencesRefuse(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	refused(t, b.fetch("GET", "/bff/preferences", ""), 401, "not_signed_in")
	refused(t, b.fetch("PATCH", "/bff/preferences", `{}`, mergePatch), 401, "not_signed_in")
	b.signIn("ada")
	b.fetch("PATCH", "/bff/preferences", `{"kept":true}`, mergePatch)
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
		edits  []edit
	}{
		"another site":                 {`{}`, 403, "csrf_rejected", []edit{mergePatch, header("Sec-Fetch-Site", "cross-site")}},
		"no content type":              {`{}`, 400, "bad_request", nil},
		"a form's content type":        {`{}`, 400, "bad_request", []edit{patchAs("text/plain")}},
		"JSON Patch":                   {`[]`, 400, "bad_request", []edit{patchAs("application/json-patch+json")}},
		"nothing":                      {``, 400, "bad_request", []edit{mergePatch}},
		"an array":                     {`[1]`, 400, "bad_request", []edit{mergePatch}},
		"a string":                     {`"a"`, 400, "bad_request", []edit{mergePatch}},
		"null, which would remove all": {`null`, 400, "bad_request", []edit{mergePatch}},
		"no JSON":                      {`{"a":}`, 400, "bad_request", []edit{mergePatch}},
		"a comma too many":             {`{"a":1,}`, 400, "bad_request", []edit{mergePatch}},
		"two documents":                {`{"a":1}{"b":2}`, 400, "bad_request", []edit{mergePatch}},
		"a name twice":                 {`{"a":1,"a":2}`, 400, "bad_request", []edit{mergePatch}},
		"a name twice, further in":     {`{"x":[{"a":1,"\u0061":2}]}`, 400, "bad_request", []edit{mergePatch}},
		"bytes that are no text":       {"{\"a\":\"\xff\"}", 400, "bad_request", []edit{mergePatch}},
		"nested without end":           {strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), 400, "bad_request", []edit{mergePatch}},
		"arrays nested without end":    {`{"a":` + strings.Repeat(`[`, 5000) + strings.Repeat("]", 5000) + `}`, 400, "bad_request", []edit{mergePatch}},
		"more than 16 KiB":             {`{"a":"` + strings.Repeat("x", 16<<10) + `"}`, 413, "body_too_large", []edit{mergePatch}},
		"more than the route reads":    {`{"a":"` + strings.Repeat("x", 100<<10) + `"}`, 413, "body_too_large", []edit{mergePatch}},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, b.fetch("PATCH", "/bff/preferences", c.body, c.edits...), c.status, c.code)
			if got := text(b.fetch("GET", "/bff/preferences", "")); got != `{"kept":true}` {
				t.Errorf("stored %s", got)
			}
		})
	}
}

func TestPreferencesFollowTheUser(t *testing.T) {
	w := newWorld(t)
	phone, grace := w.browser(), w.browser()
	phone.signIn("ada")
	grace.signIn("grace")
	phone.fetch("PATCH", "/bff/preferences", `{"theme":"dark"}`, mergePatch)
	phone.fetch("POST", "/bff/logout", "")
	if got := text(other(w).fetch("GET", "/bff/preferences", "")); got != `{"theme":"dark"}` {
		t.Errorf("on another device: %s", got)
	}
	if got := text(grace.fetch("GET", "/bff/preferences", "")); got != `{}` {
		t.Errorf("grace reads %s", got)
	}
}

func TestPreferencesTakePatchesAtTheSameTime(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			if resp := b.fetch("PATCH", "/bff/preferences", fmt.Sprintf(`{"k%d":%d}`, i, i), mergePatch); resp.StatusCode != http.StatusOK {
				t.Errorf("%d: %s", resp.StatusCode, text(resp))
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	if got := object(t, b.fetch("GET", "/bff/preferences", "")); len(got) != 6 {
		t.Errorf("a patch was lost: %v", got)
	}
}

func TestPreferencesHonourIfMatch(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	none := b.fetch("GET", "/bff/preferences", "").Header.Get("ETag")
	first := b.fetch("PATCH", "/bff/preferences", `{"a":1}`, mergePatch, header("If-Match", none))
	tag := first.Header.Get("ETag")
	if first.StatusCode != 200 || tag == "" || tag == none {
		t.Fatalf("%d %s after %s", first.StatusCode, tag, none)
	}
	for _, condition := range []string{none, `"other"`, `W/` + tag, `""`, `x`, tag + "x", `"a", "b"`, ``} {
		p := b.fetch("PATCH", "/bff/preferences", `{"a":2}`, mergePatch, header("If-Match", condition))
		if p.Header.Get("ETag") != tag {
			t.Errorf("%q: the answer has the tag %s", condition, p.Header.Get("ETag"))
		}
		refused(t, p, 412, "conflict")
	}
	for _, condition := range []string{"%s", "*", `"a", %s`} {
		condition = strings.ReplaceAll(condition, "%s", tag)
		resp := b.fetch("PATCH", "/bff/preferences", `{"a":1}`, mergePatch, header("If-Match", condition))
		if resp.StatusCode != 200 {
			t.Errorf("%q: %d", condition, resp.StatusCode)
		}
		tag = resp.Header.Get("ETag")
	}
}

// Who says that there must be nothing yet, or not this version, overwrites nothing (RFC 9110 section 13.1.2).
func TestPreferencesHonourIfNoneMatch(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	none := b.fetch("GET", "/bff/preferences", "").Header.Get("ETag")
	first := b.fetch("PATCH", "/bff/preferences", `{"a":1}`, mergePatch, header("If-None-Match", `"other", W/"x"`))
	tag := first.Header.Get("ETag")
	for _, condition := range []string{"*", tag, "W/" + tag, `"a",` + tag, none + ", W/" + tag} {
		p := b.fetch("PATCH", "/bff/preferences", `{"a":2}`, mergePatch, header("If-None-Match", condition))
		if p.Header.Get("ETag") != tag {
			t.Errorf("%q: the answer has the tag %s", condition, p.Header.Get("ETag"))
		}
		refused(t, p, 412, "conflict")
		refused(t, b.fetch("PATCH", "/bff/preferences", `{"a":2}`, mergePatch, header("If-Match", tag),
			header("If-None-Match", condition)), 412, "conflict")
	}
	if got := text(b.fetch("GET", "/bff/preferences", "")); got != `{"a":1}` {
		t.Errorf("stored is %s", got)
	}
	other := b.fetch("PATCH", "/bff/preferences", `{"a":2}`, mergePatch, header("If-None-Match", none))
	if other.StatusCode != 200 {
		t.Errorf("not the version of nothing: %d", other.StatusCode)
	}
}

func TestOfManyConditionalChangesExactlyOneIsMade(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	tag := b.fetch("PATCH", "/bff/preferences", `{"a":0}`, mergePatch).Header.Get("ETag")
	var made atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			resp := b.fetch("PATCH", "/bff/preferences", fmt.Sprintf(`{"a":%d}`, i), mergePatch, header("If-Match", tag))
			switch resp.StatusCode {
			case http.StatusOK:
				made.Add(1)
			case http.StatusPreconditionFailed:
			default:
				t.Errorf("%d", resp.StatusCode)
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	if made.Load() != 1 {
		t.Errorf("%d changes were made", made.Load())
	}
}
