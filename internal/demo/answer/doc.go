// Package answer writes the JSON bodies of the demo's servers. It holds one function because four servers of the demo
// answer alike; it knows no status and no field of any of them.
package answer

import (
	"encoding/json"
	"net/http"
)

// JSON writes v as the body of an answer. What cannot be encoded ends the body early.
func JSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
}
