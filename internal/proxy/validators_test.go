package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"bff/internal/proxy"
	"bff/internal/secret"
)

// cached is an upstream that calls everybody's answer by one name, as a counter of versions does, and answers a
// condition by it. With obeys off it says 304 whatever it was asked.
type cached struct {
	t          *testing.T
	tag, date  string
	seen       http.Header // of the last request
	always     int         // the status of every answer; 0: by the condition
	whenServed string
}

func (u *cached) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	u.seen = q.Header.Clone()
	h := w.Header()
	h["Etag"], h["Last-Modified"] = nil, nil
	if u.tag != "" {
		h["Etag"] = []string{u.tag}
	}
	if u.date != "" {
		h["Last-Modified"] = []string{u.date}
	}
	if u.whenServed != "" {
		h.Set("Date", u.whenServed)
	}
	status := u.always
	if status == 0 && (u.tag != "" && strings.Contains(q.Header.Get("If-None-Match"), u.tag) ||
		q.Header.Get("If-None-Match") == "" && u.date != "" && q.Header.Get("If-Modified-Since") == u.date) {
		status = http.StatusNotModified
	}
	if status == 0 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	if status != http.StatusNotModified {
		_, _ = io.WriteString(w, "x")
	}
}

// instances are mounts of one upstream with the keys that each of them has.
func (u *cached) instances(keys ...[]secret.Text) (all []*rig) {
	for _, k := range keys {
		all = append(all, newRig(u.t, u.ServeHTTP, func(c *proxy.Config) { c.Validators = k }))
	}
	return all
}

var (
	oldKey = secret.New(strings.Repeat("o", 32))
	newKey = secret.New(strings.Repeat("n", 32))
)

// as makes a call of an account with the header of a browser.
func (r *rig) as(account, method string, fields ...string) *http.Response {
	r.t.Helper()
	return r.plainly(account, method, append(fields, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Dest", "empty")...)
}

func (r *rig) plainly(account, method string, fields ...string) *http.Response {
	r.t.Helper()
	r.set(func(c *proxy.Caller) { c.Account.Subject = account })
	req, err := http.NewRequest(method, r.server.URL+"/api/x/a", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp
}

const longAgo = "Sat, 01 Jan 2022 00:00:00 GMT"

// What a browser keeps of one account's answer is asked about for that account alone, whichever instance gave it and
// whichever is asked: guarantee 9.
func TestAConditionGoesOnForWhoHadTheAnswer(t *testing.T) {
	for name, u := range map[string]*cached{
		"a strong tag":           {tag: `"v1"`},
		"a weak tag":             {tag: `W/"v1"`},
		"a tag and a date":       {tag: `"v1"`, date: longAgo},
		"a date":                 {date: longAgo},
		"an odd date":            {date: "2022-01-01T00:00:00Z"},
		"an empty tag":           {tag: `""`},
		"a tag without quotes":   {tag: `v1`},
		"one that looks like us": {tag: `"x.bff-tAAAAAAAAAAAAAAAA"`},
		"one with a comma in it": {tag: `"a, W/b"`},
	} {
		t.Run(name, func(t *testing.T) {
			u.t = t
			on := u.instances([]secret.Text{oldKey}, []secret.Text{oldKey})
			had := on[0].as("ada", "GET").Header
			ask := []string{"If-None-Match", had.Get("Etag")}
			if u.date != "" {
				ask = append(ask, "If-Modified-Since", had.Get("Last-Modified"))
			}
			if resp := on[1].as("ada", "GET", ask...); resp.StatusCode != http.StatusNotModified {
				t.Errorf("ada's own: %d, asked %v", resp.StatusCode, u.seen)
			} else if got := resp.Header.Get("Etag"); u.tag != "" && got != had.Get("Etag") {
				t.Errorf("the 304 has the tag %s, the answer had %s", got, had.Get("Etag"))
			}
			for i, r := range on {
				for _, method := range []string{"GET", "HEAD"} {
					resp := r.as("bob", method, ask...)
					if resp.StatusCode != http.StatusOK || conditions(u.seen) != "" {
						t.Errorf("bob %ss ada's answer on instance %d: %d, the upstream was asked %s", method, i,
							resp.StatusCode, conditions(u.seen))
					}
					if resp.Header.Get("Etag") == had.Get("Etag") {
						t.Error("both accounts have one tag")
					}
				}
			}
		})
	}
}

func conditions(h http.Header) string {
	var all []string
	for _, field := range []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
		if v := h.Get(field); v != "" {
			all = append(all, field+": "+v)
		}
	}
	return strings.Join(all, "; ")
}

// While the ring is rotated, a condition is understood by who has the key that made it; who does not gives the whole
// answer.
func TestConditionsSurviveARotationOfTheRing(t *testing.T) {
	u := &cached{t: t, tag: `"v1"`}
	on := u.instances([]secret.Text{oldKey}, []secret.Text{newKey, oldKey}, []secret.Text{newKey})
	was, now := on[0].as("ada", "GET").Header.Get("Etag"), on[1].as("ada", "GET").Header.Get("Etag")
	if was == now {
		t.Fatal("the new key makes the same tag")
	}
	for i, want := range map[int][2]int{0: {304, 200}, 1: {304, 304}, 2: {200, 304}} {
		got := [2]int{on[i].as("ada", "GET", "If-None-Match", was).StatusCode,
			on[i].as("ada", "GET", "If-None-Match", now).StatusCode}
		if got != want {
			t.Errorf("instance %d answers %v, want %v", i, got, want)
		}
	}
}

// A condition is exactly what a browser was given, or it does not go on.
func TestAConditionThatNobodyWasGivenDoesNotGoOn(t *testing.T) {
	u := &cached{t: t, tag: `"v1"`, date: longAgo}
	r := u.instances([]secret.Text{oldKey})[0]
	tag := r.as("ada", "GET").Header.Get("Etag")
	weak := "W/" + tag
	for _, had := range []string{tag, weak, weak + ", " + tag, "\t" + tag + " ,, " + tag} {
		if r.as("ada", "GET", "If-None-Match", had); !strings.Contains(u.seen.Get("If-None-Match"), `"v1"`) ||
			strings.Contains(u.seen.Get("If-None-Match"), "bff") {
			t.Errorf("%s became %s", had, u.seen.Get("If-None-Match"))
		}
	}
	for _, made := range []string{`"v1"`, `W/"v1"`, `*`, tag + `, "v1"`, `"v1", ` + tag, tag + ", *", `v1`, `"`, ``, `,`,
		strings.Replace(tag, "v1", "v2", 1), strings.Replace(tag, ".bff-t", ".bff-d", 1), tag[:len(tag)-2] + `"`,
		strings.TrimPrefix(tag, `"`), strings.ToUpper(tag), strings.Replace(tag, "bff-t", "bff-t ", 1)} {
		for _, further := range [][]string{nil, {"If-Modified-Since", longAgo}} {
			r.as("ada", "GET", append([]string{"If-None-Match", made}, further...)...)
			if got := conditions(u.seen); got != "" {
				t.Errorf("%s: the upstream was asked %s", made, got)
			}
		}
	}
	if r.as("ada", "GET", "If-Modified-Since", longAgo); conditions(u.seen) != "" {
		t.Errorf("a date that names no account: %s", conditions(u.seen))
	}
}

// A part is asked for of the whole that this account had, and else the whole is.
func TestARangeGoesOnWithItsOwnAccountsCondition(t *testing.T) {
	long := "Sat, 01 Jan 2022 01:00:00 GMT"
	for name, u := range map[string]*cached{
		"a tag":  {tag: `"v1"`},
		"a date": {date: longAgo, whenServed: long},
	} {
		u.t = t
		on := u.instances([]secret.Text{oldKey}, []secret.Text{oldKey})
		tag := on[0].as("ada", "GET").Header.Get("Etag")
		if strings.HasPrefix(tag, "W/") {
			t.Errorf("%s: the tag %s is weak: no browser would ask for a part", name, tag)
		}
		part := []string{"Range", "bytes=1-", "If-Range", tag}
		want := "If-Range: " + u.tag + u.date + "; Range: bytes=1-"
		if on[1].as("ada", "GET", part...); conditions(u.seen) != want {
			t.Errorf("%s: ada's part was asked for with %s", name, conditions(u.seen))
		}
		if on[1].as("bob", "GET", part...); conditions(u.seen) != "" {
			t.Errorf("%s: bob's part of ada's whole was asked for with %s", name, conditions(u.seen))
		}
		part[3] = longAgo
		if on[1].as("ada", "GET", part...); conditions(u.seen) != "" {
			t.Errorf("%s: a part by a date that names no account was asked for with %s", name, conditions(u.seen))
		}
	}
	fresh := &cached{t: t, date: longAgo, whenServed: "Sat, 01 Jan 2022 00:00:59 GMT"}
	if tag := fresh.instances(nil)[0].as("ada", "GET").Header.Get("Etag"); !strings.HasPrefix(tag, `W/"`) {
		t.Errorf("a date that may name two versions made the strong tag %s", tag)
	}
}

// An upstream that says 304, or gives a part, without having been asked so would have the browser show what it has of
// somebody else.
func TestAnAnswerToAConditionThatWasNotAskedIsNone(t *testing.T) {
	u := &cached{t: t, tag: `"v1"`, date: longAgo}
	r := u.instances([]secret.Text{oldKey})[0]
	tag := r.as("ada", "GET").Header.Get("Etag")
	for _, status := range []int{http.StatusNotModified, http.StatusPartialContent} {
		u.always = status
		for _, ask := range [][]string{nil, {"If-None-Match", tag}, {"If-Modified-Since", longAgo},
			{"If-None-Match", tag, "Range", "bytes=0-1", "If-Range", tag}} {
			if got := r.as("bob", "GET", ask...).StatusCode; got != http.StatusBadGateway {
				t.Errorf("%v: %d", ask, got)
			}
		}
	}
	u.always = http.StatusNotModified
	if got := r.as("ada", "GET", "If-None-Match", tag).StatusCode; got != http.StatusNotModified {
		t.Errorf("the same to who had the answer: %d", got)
	}
	u.always = http.StatusPartialContent
	if got := r.plainly("ada", "GET", "Accept-Encoding", "gzip").StatusCode; got != http.StatusBadGateway {
		t.Errorf("a part of nothing that was asked for, to a program: %d", got)
	}
	if got := r.as("bob", "GET", "Range", "bytes=0-0").StatusCode; got != http.StatusPartialContent {
		t.Errorf("a part that was asked for: %d", got)
	}
}

// A write says which version it changes, by the tag that the page was given or by the one that stands in a body.
func TestAWritesConditionNamesTheUpstreamsVersion(t *testing.T) {
	u := &cached{t: t, tag: `"v1"`}
	on := u.instances([]secret.Text{oldKey}, []secret.Text{oldKey})
	tag, bobs := on[0].as("ada", "GET").Header.Get("Etag"), on[0].as("bob", "GET").Header.Get("Etag")
	for _, row := range [][2]string{{tag, `"v1"`}, {"W/" + tag, `W/"v1"`}, {`"v1"`, `"v1"`}, {`*`, `*`}, {bobs, bobs},
		{tag + `,"v2"`, `"v1", "v2"`}, {`"etag-of-a-body"`, `"etag-of-a-body"`}} {
		for _, field := range []string{"If-Match", "If-None-Match"} {
			on[1].as("ada", "PUT", field, row[0])
			if got := u.seen.Get(field); got != row[1] {
				t.Errorf("PUT with %s: %s went on as %s, want %s", field, row[0], got, row[1])
			}
		}
	}
	if got := on[0].as("ada", "PUT").Header.Get("Etag"); got != tag {
		t.Errorf("a write's answer has the tag %s", got)
	}
	u.tag, u.date = "", longAgo
	on[1].as("ada", "PUT", "If-Match", on[0].as("ada", "GET").Header.Get("Etag"))
	if u.seen.Get("If-Unmodified-Since") != longAgo || u.seen.Get("If-Match") != "" {
		t.Errorf("a date became %v", u.seen)
	}
}

// A client that is no browser has no cache but its own: its conditions and the upstream's validators stay as they are.
// A browser from before Sec-Fetch-Dest is one.
func TestClientsWithoutABrowsersCacheKeepTheUpstreamsValidators(t *testing.T) {
	u := &cached{t: t, tag: `"v1"`, date: longAgo}
	r := u.instances([]secret.Text{oldKey})[0]
	if got := r.plainly("ada", "GET").Header.Get("Etag"); got != `"v1"` {
		t.Errorf("a program got %s", got)
	}
	r.plainly("fay", "GET", "If-None-Match", `"v1"`, "If-Modified-Since", longAgo)
	if got := conditions(u.seen); got != `If-None-Match: "v1"; If-Modified-Since: `+longAgo {
		t.Errorf("a program's condition went on as %s", got)
	}
	r.plainly("fay", "GET", "If-Modified-Since", longAgo, "User-Agent", "Mozilla/5.0 (Macintosh) Version/15.6 Safari/605.1.15")
	if got := conditions(u.seen); got != "" {
		t.Errorf("an old browser's condition went on as %s", got)
	}
}
