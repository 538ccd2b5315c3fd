package proxy_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"math/bits"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"bff/internal/proxy"
	"bff/internal/secret"
)

func rewritesNext(c *proxy.Config) { c.Rewrite = []string{"$.next"} }

// A squeezer is a compressor that can be flushed.
type squeezer interface {
	io.WriteCloser
	Flush() error
}

// squeezers are the codings that browsers offer and upstreams speak.
func squeezers() map[string]func(io.Writer) squeezer {
	return map[string]func(io.Writer) squeezer{
		"gzip":         func(w io.Writer) squeezer { return gzip.NewWriter(w) },
		"x-gzip":       func(w io.Writer) squeezer { z, _ := gzip.NewWriterLevel(w, gzip.HuffmanOnly); return z },
		"GZIP":         func(w io.Writer) squeezer { z, _ := gzip.NewWriterLevel(w, gzip.NoCompression); return z },
		"deflate":      func(w io.Writer) squeezer { return zlib.NewWriter(w) },
		"Deflate":      func(w io.Writer) squeezer { z, _ := flate.NewWriter(w, 9); return z },
		"br":           func(w io.Writer) squeezer { return brotli.NewWriter(w) },
		"br, identity": func(w io.Writer) squeezer { return brotli.NewWriterLevel(w, 1) },
	}
}

// squeeze compresses pieces, with a flush behind each.
func squeeze(with func(io.Writer) squeezer, pieces ...string) []byte {
	var buf bytes.Buffer
	z := with(&buf)
	for _, p := range pieces {
		_, _ = io.WriteString(z, p)
		_ = z.Flush()
	}
	_ = z.Close()
	return buf.Bytes()
}

// plainPart decodes as much as can be decoded of what a browser was given.
func plainPart(t *testing.T, coding string, got []byte) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(got)
	switch coding {
	case "gzip", "x-gzip", "GZIP":
		z, err := gzip.NewReader(r)
		if err != nil {
			return ""
		}
		r = z
	case "deflate":
		z, err := zlib.NewReader(r)
		if err != nil {
			return ""
		}
		r = z
	case "Deflate":
		r = flate.NewReader(r)
	default:
		r = brotli.NewReader(r)
	}
	var plain bytes.Buffer
	_, _ = io.Copy(&plain, r)
	return plain.String()
}

// filler is text that does not compress well.
func filler(n int) string {
	var b strings.Builder
	for i := uint64(1); b.Len() < n; i++ {
		fmt.Fprintf(&b, "%x ", bits.RotateLeft64(i*0x9e3779b97f4a7c15, 17))
	}
	return b.String()[:n]
}

func TestASecretInACompressedBodyNeverArrives(t *testing.T) {
	var coding string
	var body []byte
	var flush int
	r, trips, log := wired(t, func(w http.ResponseWriter, req *http.Request) {
		(&answerer{header: http.Header{"Content-Encoding": {coding}, "Content-Type": {"text/plain"}}, body: body,
			flush: flush}).ServeHTTP(w, req)
	})
	for name, with := range squeezers() {
		for where, pieces := range map[string][]string{
			"alone":                      {token},
			"behind a little":            {"before ", token, " after"},
			"in pieces":                  {"x", token[:20], token[20:50], token[50:], "y"},
			"behind much":                {filler(200 << 10), refresh, filler(100 << 10)},
			"with escapes":               {filler(3000), strings.ReplaceAll(refresh, "/", `\u002F`), filler(100)},
			"across the window's border": {filler(32<<10 - 30), token, filler(64 << 10)},
		} {
			coding = name
			body = squeeze(with, pieces...)
			for _, flush = range []int{0, 1, 700} {
				if flush == 1 && len(body) > 4000 {
					continue
				}
				trips.Store(0)
				res, err := r.client.Do(newRequest(t, r.server.URL+"/api/x/a", "Accept-Encoding: gzip, deflate, br"))
				var got []byte
				if err == nil {
					got, err = io.ReadAll(io.LimitReader(res.Body, 10<<20))
					_ = res.Body.Close()
				}
				plain := plainPart(t, name, got)
				if err == nil || leaks(plain, token) || leaks(plain,
					strings.Join(pieces[:len(pieces)/2+1], "")[len(pieces[0]):]) && len(pieces) == 3 {
					t.Errorf("%s %s, flushed every %d: %v, %d bytes of %d, plain %.200q", name, where, flush, err,
						len(got), len(body), plain)
				}
				if trips.Load() != 1 {
					t.Errorf("%s %s: counted %d times", name, where, trips.Load())
				}
			}
		}
	}
	if leaks(log.String(), token) || !strings.Contains(log.String(), "compressed body") {
		t.Errorf("log: %.200q", log)
	}
}

func newRequest(t *testing.T, url string, header ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	return req
}

func TestACompressedBodyWithoutASecretPassesByteForByte(t *testing.T) {
	var coding string
	var body []byte
	var flush int
	r, trips, _ := wired(t, func(w http.ResponseWriter, req *http.Request) {
		(&answerer{header: http.Header{"Content-Encoding": {coding}, "Content-Length": {fmt.Sprint(len(body))}},
			body:  body,
			flush: flush}).ServeHTTP(w, req)
	})
	check := func(name string, b []byte) {
		t.Helper()
		coding, body = name, b
		for _, flush = range []int{0, 1, 777} {
			if flush == 1 && len(body) > 4000 {
				continue
			}
			res := r.do("GET", "/api/x/a", nil, "Accept-Encoding: gzip, br")
			if got := text(t, res); got != string(body) || res.ContentLength != int64(len(body)) || trips.Load() != 0 ||
				res.Header.Get("Content-Encoding") != name {
				t.Errorf("%s, flushed every %d: %d bytes of %d, %v", name, flush, len(got), len(body), res.Header)
			}
		}
	}
	for name, with := range squeezers() {
		check(name, squeeze(with, "hello"))
		check(name, squeeze(with, filler(10), filler(300<<10), token[:20], "x"))
		check(name, squeeze(with, strings.Repeat("a", 1<<20)))
		check(name, squeeze(with, "\x89PNG\r\n\x1a\n", filler(100<<10)))
		check(name, nil)
	}
	check("gzip", append(gz([]byte("one")), gz([]byte("two"))...))
	check("gzip", append(gz([]byte("one")), 0, 0, 0, 0))
	check("gzip", []byte("not gzip at all"))
	check("unheard-of", []byte(filler(1000)))
}

// What follows a flush is not waited for.
func TestACompressedStreamIsNotHeldBack(t *testing.T) {
	for name, with := range squeezers() {
		step := make(chan string)
		r, _, _ := wired(t, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Encoding", name)
			z := with(w)
			for s := range step {
				_, _ = io.WriteString(z, s)
				_ = z.Flush()
				_ = http.NewResponseController(w).Flush()
			}
			_ = z.Close()
		})
		go func() { step <- "event one\n" }()
		res := r.do("GET", "/api/x/a", nil, "Accept-Encoding: gzip, deflate, br")
		var in io.Reader = res.Body
		switch name {
		case "gzip", "x-gzip", "GZIP":
			z, err := gzip.NewReader(in)
			if err != nil {
				t.Fatal(err)
			}
			in = z
		case "deflate":
			z, err := zlib.NewReader(in)
			if err != nil {
				t.Fatal(err)
			}
			in = z
		case "Deflate":
			in = flate.NewReader(in)
		default:
			in = brotli.NewReader(in)
		}
		for i, s := range []string{"event one\n", "event two\n", "three\n"} {
			b := make([]byte, len(s))
			if _, err := io.ReadFull(in, b); err != nil || string(b) != s {
				t.Fatalf("%s: %q, %v", name, b, err)
			}
			if i < 2 {
				step <- []string{"event two\n", "three\n"}[i]
			}
		}
		close(step)
	}
}

func TestACodingThatWasNotOfferedAndCannotBeDecodedIsRefused(t *testing.T) {
	for _, coding := range []string{"zstd", "gzip, br", "br,gzip", "dcb"} {
		r, _, _ := wired(t, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Encoding", coding)
			_, _ = io.WriteString(w, token)
		})
		res := r.do("GET", "/api/x/a", nil, "Accept-Encoding: gzip, zstd")
		if got := text(t, res); res.StatusCode != 502 || leaks(got, token) {
			t.Errorf("%s: %d %q", coding, res.StatusCode, got)
		}
	}
}

// A broken body breaks off here too.
func TestACompressedBodyThatIsBrokenBreaksOff(t *testing.T) {
	whole := gz([]byte(filler(50 << 10)))
	for name, body := range map[string][]byte{"cut off": whole[:len(whole)/2],
		"damaged": append(append([]byte(nil), whole[:500]...), bytes.Repeat([]byte{0xff}, 500)...)} {
		r, _, _ := wired(t, func(w http.ResponseWriter, req *http.Request) {
			(&answerer{header: http.Header{"Content-Encoding": {"gzip"}}, body: body}).ServeHTTP(w, req)
		})
		res, err := r.client.Do(newRequest(t, r.server.URL+"/api/x/a", "Accept-Encoding: gzip"))
		if err == nil {
			_, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
			_ = res.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: ends cleanly", name)
		}
	}
}

// The field is masked before it is read, whatever its quoted pairs hide, and so is the body.
func TestAChallengeThatEchoesTheTokenIsMaskedBeforeItIsRead(t *testing.T) {
	var line, body string
	r, trips, log := wired(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("WWW-Authenticate", line)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(403)
		_, _ = io.WriteString(w, body)
	})
	quoted := ""
	for i := range len(token) {
		quoted += `\` + token[i:i+1]
	}
	const more = `Bearer error="insufficient_scope", `
	for _, row := range []struct{ line, body, where string }{
		{more + `scope="` + token + ` read"`, `{}`, "header"},
		{more + `scope="read ` + refresh + `"`, `{}`, "header"},
		{more + `scope="read ` + quoted + `"`, `{}`, "header"},
		{`Bearer error="insufficient_user_authentication", acr_values="` + token + `", scope="read", max_age=` + token, `{}`, "header"},
		{more + `scope="read"`, `{"you":"` + token + `"}`, "refusal"},
	} {
		line, body = row.line, row.body
		trips.Store(0)
		log.Reset()
		r.do("GET", "/api/x/a", nil)
		c := challengeFrom(t, r.err())
		all := strings.Join(c.Scopes, " ") + " " + c.ACRValues + " " + c.MaxAge + " " + string(c.Body)
		if leaks(all, token) || leaks(all, refresh) || trips.Load() != 1 || len(c.Scopes) != 1 ||
			c.Scopes[0] != "read" {
			t.Errorf("%s: %q, %d trips", line, all, trips.Load())
		}
		if !strings.Contains(log.String(), "where="+row.where) {
			t.Errorf("%s: not masked in the %s: %s", line, row.where, log)
		}
	}
}

// What was read of a refusal is masked by itself too, each part of it.
func TestWhatWasReadOfAChallengeIsMasked(t *testing.T) {
	for name, c := range map[string]*proxy.ScopeChallenge{
		"scope": {Scopes: []string{"read", token}}, "acr_values": {ACRValues: "gold " + token},
		"max_age": {MaxAge: token}, "the body": {Body: []byte(`{"you":"` + token + `"}`)},
		"its type": {ContentType: "text/" + token},
	} {
		proxy.MaskChallenge(c, secret.New(token), secret.New(refresh))
		all := strings.Join(c.Scopes, " ") + " " + c.ACRValues + " " + c.MaxAge + " " + c.ContentType + " " + string(c.Body)
		if leaks(all, token) {
			t.Errorf("%s: %q", name, all)
		}
	}
}
