package standin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"bff/internal/oauth/providers"
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

// unauthenticated says what is wrong with the client's authentication.
func (s *StandIn) unauthenticated(in request) string {
	if s.file.Client.Auth == providers.SignedSecret {
		return s.wrongSignedSecret(in)
	}
	id, secret, basic := in.r.BasicAuth()
	id, secret = unescape(id), unescape(secret)
	name := "client_id"
	if s.file.Client.IDParam != "" {
		name = s.file.Client.IDParam
	}
	switch want := s.clientAuth(); {
	case want == "client_secret_basic" && basic:
		if id == ClientID && secret == ClientSecret {
			return ""
		}
		return "id and secret are not the client's"
	case want == "client_secret_post" && !basic:
		if in.form.Get(name) == ClientID && in.form.Get("client_secret") == ClientSecret {
			return ""
		}
		return "the parameters " + name + " and client_secret are not the client's"
	case want == "private_key_jwt" && !basic && !in.form.Has("client_secret"):
		return s.wrongAssertion(in.form.Get("client_assertion"))
	}
	return "the client must authenticate by " + s.clientAuth()
}

// clientAuth is what the file says, or the default.
func (s *StandIn) clientAuth() string {
	if s.file.Client.Auth != "" {
		return s.file.Client.Auth
	}
	return "client_secret_basic"
}

// wrongSignedSecret is what Apple wants: a client secret that is a JWT of the team about the client.
func (s *StandIn) wrongSignedSecret(in request) string {
	token, err := jwt.ParseSigned(in.form.Get("client_secret"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "the client secret is not signed"
	}
	var c jwt.Claims
	audience := cmp.Or(s.file.Client.AssertionAudience, s.file.Issuer, s.urls[Token])
	switch {
	case token.Claims(s.cfg.ClientKey, &c) != nil:
		return "the client secret does not verify"
	case in.form.Get("client_id") != ClientID || c.Subject != ClientID || c.Issuer != s.file.Client.Issuer || c.Expiry == nil:
		return "the client secret is not the client's"
	case len(c.Audience) != 1 || c.Audience[0] != audience:
		return "the audience of the client secret is not " + audience
	case token.Headers[0].KeyID != s.file.Client.KeyID:
		return "the kid of the client secret is not " + s.file.Client.KeyID
	}
	return ""
}

// wrongAssertion is RFC 7523 section 3.
func (s *StandIn) wrongAssertion(raw string) string {
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "there is no client assertion"
	}
	var c jwt.Claims
	audience := s.file.Issuer
	if audience == "" {
		audience = s.urls[Token]
	}
	if s.file.Client.AssertionAudience != "" {
		audience = s.file.Client.AssertionAudience
	}
	switch {
	case token.Claims(s.cfg.ClientKey, &c) != nil:
		return "the client assertion does not verify"
	case c.Issuer != ClientID || c.Subject != ClientID || c.ID == "" || c.Expiry == nil:
		return "the client assertion is not the client's"
	case len(c.Audience) != 1 || c.Audience[0] != audience:
		return "the audience of the client assertion is not " + audience
	case token.Headers[0].KeyID != s.file.Client.KeyID:
		return "the kid of the client assertion is not " + s.file.Client.KeyID
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
