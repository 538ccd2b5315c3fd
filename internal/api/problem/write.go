package problem

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"bff/internal/api/answer"
	"bff/internal/trace"
)

// pagePolicy lets the page load the account page's styles and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

//go:embed page.html
var pageText string

var page = template.Must(template.New("problem").Parse(pageText))

// Write answers with p: as a page where a person is looking, as a problem document everywhere else.
func Write(w http.ResponseWriter, r *http.Request, p *Problem) {
	h := w.Header()
	h.Set("BFF-Error", string(p.Code))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	answer.AddVary(h, "Cookie")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Allow != "" {
		h.Set("Allow", p.Allow)
	}
	if p.Status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", `Cookie realm="bff"`)
	}
	copied := *p
	copied.RequestID = trace.From(r.Context()).ID
	if WantsPage(r) {
		h.Set("Content-Security-Policy", pagePolicy)
		answer.Body(w, r, p.Status, "text/html; charset=utf-8", pageOf(&copied))
		return
	}
	body, _ := json.Marshal(copied) // plain fields: it cannot fail
	answer.Body(w, r, p.Status, "application/problem+json", body)
}

// WantsPage says whether a person looks at the answer: a top-level navigation that takes HTML. A script gets the
// document.
func WantsPage(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && strings.Contains(r.Header.Get("Accept"), "text/html")
}

func pageOf(p *Problem) []byte {
	var out bytes.Buffer
	if err := page.Execute(&out, p); err != nil {
		return []byte(p.Title)
	}
	return out.Bytes()
}
