package wire

import (
	"bufio"
	"bytes"
	"net/http"
)

// ReadPlain reads the header of an answer to r the short way; nil where that does not take it.
func ReadPlain(raw []byte, r *http.Request) (res *http.Response, size int) {
	made := new(reply)
	if size = readPlain(raw, r, made); size == 0 {
		return nil, 0
	}
	return &made.Response, size
}

// Doubt reports whether a connection would be closed after the answer that raw begins with.
func Doubt(raw []byte) bool { return doubt(raw) }

// WriteRequest is the short way to write a request; "" where that does not take it.
func WriteRequest(r *http.Request) string {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if !writeRequest(w, r) {
		return ""
	}
	_ = w.Flush()
	return b.String()
}
