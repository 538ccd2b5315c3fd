package wire_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bff/internal/proxy/wire"
)

// samePlain holds what is read the short way against http.ReadResponse.
func samePlain(t *testing.T, raw []byte, method string) (taken bool) {
	t.Helper()
	r := httptest.NewRequest(method, "/a", nil)
	got, size := wire.ReadPlain(raw, r)
	if got == nil {
		return false
	}
	in := bufio.NewReader(bytes.NewReader(raw))
	want, err := http.ReadResponse(in, r)
	if err != nil {
		t.Fatalf("%q is read, and http.ReadResponse says %v", raw, err)
	}
	rest, _ := io.ReadAll(in)
	left := len(raw) - len(rest) // behind the header, where the body was not read
	if left != size {
		t.Errorf("the header of %q has %d bytes, read as %d", raw, left, size)
	}
	if got.StatusCode != want.StatusCode || got.Status != want.Status || got.Proto != want.Proto ||
		got.ContentLength != want.ContentLength || got.Close != want.Close || len(want.TransferEncoding) > 0 ||
		len(want.Trailer) > 0 || !reflect.DeepEqual(got.Header, want.Header) {
		t.Errorf("%q is read as %+v; http.ReadResponse reads %+v", raw, got, want)
	}
	if wire.Doubt(raw) {
		t.Errorf("%q leaves a doubt", raw)
	}
	return true
}

func TestAPlainAnswerIsReadAsNetHTTPReadsIt(t *testing.T) {
	for raw, plain := range map[string]bool{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello":                                        true,
		"HTTP/1.1 404 Not Found\r\ncontent-type: text/plain \r\nX: \r\nContent-Length:5\r\n\r\n":   true,
		"HTTP/1.1 200 OK\r\nVary: a\r\nVary: b\r\nDate: x\r\nVary: c\r\nContent-Length: 0\r\n\r\n": true,
		"HTTP/1.1 999 Odd\r\nContent-Length: 1\r\n\r\nx":                                           true,
		"HTTP/1.1 200 OK\r\n\r\n":                                                    false,
		"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n":                       false,
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n":                     false,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n":          false,
		"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n":                              false,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n":          false,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length2: 6\r\n\r\n":         false,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n": false,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX : y\r\n\r\n":                      false,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\n\n\r\n\r\n":                           false,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a\x00\r\n\r\n":                   false,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n folded\r\n\r\n":                    false,
		"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n":                               false,
		"HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\n":                                false,
		"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n":                                  false,
		"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n":                         false,
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999\r\n\r\n":               false,
	} {
		if got := samePlain(t, []byte(raw), "GET"); got != plain {
			t.Errorf("%q is read the short way: %v", raw, got)
		}
		if samePlain(t, []byte(raw), "HEAD") {
			t.Errorf("%q is read as an answer with a body", raw)
		}
	}
	for _, raw := range oddAnswers() {
		samePlain(t, []byte(raw), "GET")
	}
}

func FuzzPlainAnswer(f *testing.F) {
	for i, raw := range oddAnswers() {
		if i%10 == 0 {
			f.Add([]byte(raw))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) { samePlain(t, raw, "GET") })
}

func TestARequestIsWrittenAsNetHTTPWritesIt(t *testing.T) {
	for target, taken := range map[string]bool{
		"/a/b?x=1&y=%20": true, "/": true, "/a%2Fb": true, "/a?": true, "//a": false, "": false, "/\u00e4": true,
	} {
		u, err := url.Parse("http://api.example.com:8080" + target)
		if err != nil {
			t.Fatal(err)
		}
		for _, agent := range [][]string{nil, {}, {"curl/8"}, {""}} {
			r := &http.Request{Method: "GET", URL: u, Host: u.Host, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{
				"Accept": {"a", " b\t"}, "X-A": {""}, "Authorization": {"Bearer x"}, "Host": {"other"}, "Trailer": {"X"},
				"Accept-Encoding": {"gzip"}, "User-Agent": agent}}
			var b bytes.Buffer
			if err := r.Write(&b); err != nil {
				t.Fatal(err)
			}
			got := wire.WriteRequest(r)
			if (got != "") != taken || taken && got != b.String() {
				t.Errorf("%s, %q: %q; net/http writes %q", target, agent, got, b.String())
			}
		}
	}
	fields := http.Header{"User-Agent": {"x"}}
	for _, name := range strings.Fields(strings.Repeat("A ", 10)) {
		fields[name+strings.Repeat("x", len(fields))] = []string{"1"}
	}
	r := &http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: "a", Path: "/"}, Host: "a", Header: fields}
	lines := strings.Split(wire.WriteRequest(r), "\r\n")
	if names := lines[3 : len(lines)-2]; !slices.IsSorted(names) {
		t.Errorf("the fields are in no order: %q", names)
	}
}
