package standin

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// A request is what was sent, with its body read.
type request struct {
	r    *http.Request
	kind string // of the body: "form", "json", or ""
	raw  string
	form url.Values
}

// readRequest reads a body as its type says. What cannot be read is no form.
func readRequest(r *http.Request) request {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		body = nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	in := request{r: r, raw: string(body), form: url.Values{}}
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/x-www-form-urlencoded":
		if form, err := url.ParseQuery(in.raw); err == nil {
			in.kind, in.form = "form", form
		}
	case "":
		if r.Method == http.MethodGet { // parameters may stand in the address
			in.form = r.URL.Query()
		}
	case "application/json":
		var fields map[string]any
		if json.Unmarshal(body, &fields) == nil {
			in.kind = "json"
			for name, v := range fields {
				in.form.Set(name, text(v))
			}
		}
	}
	return in
}

// grants says whether it is a token request.
func (in request) grants() bool { return in.form.Get("grant_type") != "" }

// renamed is a request whose parameters have the standard's names instead of the provider's own.
func (in request) renamed(names map[string]string) request {
	form := url.Values{}
	maps.Copy(form, in.form)
	for name, own := range names {
		delete(form, name) // the standard's name is not known here
		if values, ok := in.form[own]; ok {
			form[name] = values
			delete(form, own)
		}
	}
	in.form = form
	return in
}

// bearer is the token of a request, whatever header and scheme carry it.
func (in request) bearer() string {
	for _, values := range in.r.Header {
		for _, v := range values {
			if i := strings.LastIndexByte(v, ' '); strings.HasPrefix(v[i+1:], tokenPrefix) || strings.HasPrefix(v[i+1:], typedPrefix) {
				return v[i+1:]
			}
		}
	}
	return ""
}

// unlike names what differs between a request and the headers and parameters that the file gives it.
func (in request) unlike(headers, params map[string]string) string {
	for name, value := range headers {
		if in.r.Header.Get(name) != strings.ReplaceAll(value, "{client_id}", ClientID) {
			return "the header " + name + ": " + value + " is missing"
		}
	}
	for name, value := range params {
		if in.form.Get(name) != value {
			return "the parameter " + name + "=" + value + " is missing"
		}
	}
	return ""
}

// body says what is wrong with the form of a body; want is "form", "json" or "none".
func (in request) body(want string) string {
	switch want {
	case "none":
		if in.raw != "" {
			return "there is a body, and none is taken"
		}
	case "json":
		if in.kind != "json" {
			return "the body is not JSON"
		}
	default:
		if in.kind != "form" {
			return "the body is no form"
		}
	}
	return ""
}

func unescape(s string) string {
	if out, err := url.QueryUnescape(s); err == nil {
		return out
	}
	return s
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// write sends a recorded answer.
func (a *Answer) write(w http.ResponseWriter, body any) {
	for name, value := range a.Headers {
		w.Header().Set(name, value)
	}
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	if raw, ok := body.(string); ok {
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, raw)
		return
	}
	if body == nil {
		w.WriteHeader(status)
		return
	}
	writeJSON(w, status, body)
}
