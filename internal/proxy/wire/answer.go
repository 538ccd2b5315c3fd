package wire

import (
	"bytes"
	"net/http"
	"net/textproto"
	"strings"
)

// A reply is an answer with its body, in one piece of memory.
type reply struct {
	http.Response
	body   body
	length lengthReader
}

// added is how many fields the caller is likely to add to an answer: a map that has the room need not grow.
const added = 6

// The rules of what readPlain takes, to which http.ReadResponse has nothing to add:
//
//  1. "HTTP/1.1 NNN" and a reason, to a GET; no 1xx, 204 or 304.
//  2. Lines that end with CRLF, of a name that is a token, a colon directly behind it, and a value of visible ASCII,
//     spaces and tabs.
//  3. Exactly one Content-Length, of digits, and no field that somebody could take for one; no Transfer-Encoding,
//     Trailer, Connection, Upgrade or Pragma.
//
// Everything else is http.ReadResponse's.

// readPlain reads an answer whose whole header begins b, and says how long the header is; 0: it is for
// http.ReadResponse.
func readPlain(b []byte, r *http.Request, out *reply) (size int) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 || r.Method != http.MethodGet {
		return 0
	}
	head := string(b[:end+2])
	status, rest, _ := strings.Cut(head, "\r\n")
	code := statusOf(status)
	if code < 200 || code == http.StatusNoContent || code == http.StatusNotModified {
		return 0
	}
	lines := strings.Count(rest, "\n")
	values, header := make([]string, 0, lines), make(http.Header, lines+added)
	length := int64(-1)
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		if !ok || !token(name) || !text(value) {
			return 0
		}
		name, value = textproto.CanonicalMIMEHeaderKey(name), strings.Trim(value, " \t")
		switch {
		case name == "Content-Length":
			if length >= 0 {
				return 0
			}
			if length = digits(value); length < 0 {
				return 0
			}
		case name == "Trailer", name == "Connection", name == "Upgrade", name == "Pragma",
			strings.HasPrefix(name, "Content-Length"), strings.HasPrefix(name, "Transfer-Encoding"):
			return 0
		}
		if before := header[name]; before != nil {
			header[name] = append(before, value)
			continue
		}
		values = append(values, value)
		header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	if length < 0 {
		return 0
	}
	out.Response = http.Response{Status: status[len("HTTP/1.1 "):], StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1,
		ProtoMinor: 1, Header: header, ContentLength: length, Request: r, Body: http.NoBody}
	return end + 4
}

// statusOf returns the code of a status line, or 0 for one that is not written as it should be.
func statusOf(line string) int {
	const before = "HTTP/1.1 "
	if len(line) < len(before)+4 || line[:len(before)] != before || line[len(before)+3] != ' ' || !text(line) ||
		line[len(line)-1] == ' ' {
		return 0
	}
	return max(0, int(digits(line[len(before):len(before)+3])))
}

// digits reads a number of at most 15 digits; -1 for anything else.
func digits(s string) int64 {
	if s == "" || len(s) > 15 {
		return -1
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n
}

// token reports whether s is letters, digits and "-".
func token(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return s != ""
}

// text reports whether s is visible ASCII, spaces and tabs.
func text(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' || c >= 0x7f) && c != '\t' {
			return false
		}
	}
	return true
}
