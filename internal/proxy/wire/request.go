package wire

import (
	"bufio"
	"net/http"
	"strings"
)

const mostFields = 32

// writeRequest writes the header of a request that has no body, as http.Request.Write does. It reports whether it was
// one that it writes; nothing is written of others.
func writeRequest(w *bufio.Writer, r *http.Request) bool {
	path := r.URL.EscapedPath()
	agents, ok := r.Header["User-Agent"] // or net/http would write its own
	if !ok || len(r.Header) > mostFields || !plainTarget(path) || !visible(r.URL.RawQuery) || !visible(r.Host) ||
		r.Host == "" || strings.Contains(r.Host, "%") {
		return false
	}
	_, _ = w.WriteString(r.Method)
	_ = w.WriteByte(' ')
	_, _ = w.WriteString(path)
	if r.URL.ForceQuery || r.URL.RawQuery != "" {
		_ = w.WriteByte('?')
		_, _ = w.WriteString(r.URL.RawQuery)
	}
	_, _ = w.WriteString(" HTTP/1.1\r\nHost: ")
	_, _ = w.WriteString(r.Host)
	_, _ = w.WriteString("\r\n")
	if len(agents) > 0 && agents[0] != "" {
		writeField(w, "User-Agent", agents[0])
	}
	var all [mostFields]string
	for _, name := range inOrder(&all, r.Header) {
		for _, value := range r.Header[name] {
			writeField(w, name, value)
		}
	}
	_, _ = w.WriteString("\r\n")
	return true
}

// plainTarget reports whether a path begins a request line as it is.
func plainTarget(path string) bool {
	return path != "" && path[0] == '/' && !strings.HasPrefix(path, "//") && visible(path)
}

// inOrder sorts the names of the fields that are written, of at most mostFields.
func inOrder(names *[mostFields]string, h http.Header) []string {
	n := 0
	for name := range h {
		switch name {
		case "Host", "Trailer", "User-Agent":
			continue
		}
		i := n
		for ; i > 0 && names[i-1] > name; i-- {
			names[i] = names[i-1]
		}
		names[i] = name
		n++
	}
	return names[:n]
}

// writeField writes a field of which mayCarry has looked at name and value.
func writeField(w *bufio.Writer, name, value string) {
	_, _ = w.WriteString(name)
	_, _ = w.WriteString(": ")
	_, _ = w.WriteString(strings.Trim(value, " \t"))
	_, _ = w.WriteString("\r\n")
}

// visible reports whether every byte is one of ASCII that can be seen.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
