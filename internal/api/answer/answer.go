package answer

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Body writes status, type and body; an answer to HEAD has everything but the body.
func Body(w http.ResponseWriter, r *http.Request, status int, kind string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // whoever has gone needs no answer
	}
}

// JSON writes v as JSON. v must encode: the shapes of answers are structs of plain fields.
func JSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	Body(w, r, status, "application/json", body)
	return nil
}

// Text writes one line of plain text.
func Text(w http.ResponseWriter, r *http.Request, status int, line string) {
	Body(w, r, status, "text/plain; charset=utf-8", []byte(line+"\n"))
}

// Redirect answers with a Location and no body. to is built by bff, never taken from a request as it came.
func Redirect(w http.ResponseWriter, to string, status int) {
	w.Header().Set("Location", to)
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
}

// AddVary adds a field name to Vary once.
func AddVary(h http.Header, name string) {
	has := slices.ContainsFunc(h["Vary"], func(line string) bool {
		return slices.ContainsFunc(strings.Split(line, ","), func(v string) bool {
			return strings.EqualFold(strings.TrimSpace(v), name)
		})
	})
	if !has {
		h.Add("Vary", name)
	}
}
