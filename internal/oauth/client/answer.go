package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/vault"
)

const maxPartial = 256 << 10 // bytes of one field of an answer that is larger than the bound

// An Answer is what a token endpoint said.
type Answer struct {
	Tokens     vault.Tokens // of a success
	Scope      string       // of a success; "" when the answer has none
	IDToken    secret.Text  // of a success; empty when the answer has none
	Fields     claims.Object
	Code       string // error
	Status     int    // 0: there was no answer
	RetryAfter time.Duration
	TooLarge   bool // it was larger than the bound; what came before the bound was read

	cfg     *providers.Config
	refresh bool // what the answer is to

	err      error
	sent     atomic.Bool // the request left, so a refresh token may be spent
	received time.Time
	subtype  string // error_subtype (Google)
}

// take keeps what x/oauth2 read, and what it would forget.
func (a *Answer) take(tok *oauth2.Token) {
	a.Tokens = vault.Tokens{
		Access:     secret.New(tok.AccessToken),
		ObtainedAt: a.received,
	}
	a.Tokens.Refresh = a.renewable(tok.RefreshToken)
	if tok.ExpiresIn == 0 {
		n, _ := tok.Extra("expires_in").(float64)
		tok.ExpiresIn = int64(n) // x/oauth2's jwt leaves it there
	}
	if tok.ExpiresIn > 0 { // the lifetime counts from when the answer arrived
		a.Tokens.Expiry = a.received.Add(time.Duration(tok.ExpiresIn) * time.Second)
	}
	if n, ok := tok.Extra("refresh_token_expires_in").(float64); ok && n > 0 {
		a.Tokens.RefreshExpiry = a.received.Add(time.Duration(n) * time.Second)
	}
	a.Scope, _ = tok.Extra("scope").(string)
}

// normalize reads a JSON or form token answer and writes it as plain JSON: a number of seconds in any spelling, JSON
// under any type, scopes in any shape, tokens inside an object (or beside it, where they are called a user's), an
// error that is an object. ok is false when it is neither.
func (a *Answer) normalize(body []byte) ([]byte, bool) {
	fields, ok := readAnswer(body, a.TooLarge)
	if !ok {
		return nil, false
	}
	a.Fields = fields
	out := claims.Object(maps.Clone(fields))
	if inner, ok := out.At(a.cfg.Token.Path).(map[string]any); ok &&
		(inner["access_token"] != nil || out["token_type"] != "user") {
		for _, k := range [...]string{"access_token", "refresh_token", "expires_in", "scope"} {
			delete(out, k) // what stands beside it is another's: a bot's
		}
		maps.Copy(out, inner)
	}
	a.standardNames(out)
	a.readError(out)
	a.normalizeTimes(out)
	out["scope"] = words(out["scope"])
	id, _ := out["id_token"].(string)
	a.IDToken = secret.New(id)
	// Only what x/oauth2 needs: it reads a megabyte at most, and a text of the wire must not reach its errors.
	plain := map[string]any{}
	for _, k := range [...]string{"access_token", "refresh_token", "token_type", "scope", "error", "error_subtype"} {
		if text, ok := out[k].(string); ok {
			plain[k] = text
		}
	}
	if text, _ := out["access_token"].(string); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		delete(plain, "access_token") // RFC 6749, appendix A.12: no field of a request could carry it
	}
	for _, k := range [...]string{"expires_in", "refresh_token_expires_in"} {
		if n, ok := out[k]; ok {
			plain[k] = n
		}
	}
	b, err := json.Marshal(plain)
	return b, err == nil
}

// readError finds the error's code where this provider has it, and leaves it in `error` for x/oauth2.
func (a *Answer) readError(out claims.Object) {
	if field := a.cfg.Token.ErrorField; field != "" {
		if named := a.Fields.At(field); named != nil && (a.Status >= 400 || out["access_token"] == nil) {
			out["error"] = named
		}
	}
	switch e := out["error"].(type) {
	case nil:
		delete(out, "error")
	case string:
		a.Code = e
	case json.Number:
		a.Code, out["error"] = codeOther, codeOther
		if a.cfg.Token.ErrorField != "" { // its file says that this is the code
			a.Code, out["error"] = e.String(), e.String()
		}
	default:
		a.Code, out["error"] = codeOther, codeOther
	}
	if a.Code == "" && out["ok"] == false { // Slack says so, with 200
		a.Code, out["error"] = codeOther, codeOther
	}
	a.subtype, _ = out["error_subtype"].(string)
}

// codeOther is the code of an error that is no text.
const codeOther = "object"

// readAnswer reads a JSON object or a form. Of one that was cut off at the bound, the fields in front of the cut are
// read: a refresh token that the provider rotated is in its answer alone.
func readAnswer(body []byte, cut bool) (claims.Object, bool) {
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if len(trimmed) > 0 && trimmed[0] == '{' {
		if cut {
			return readCut(trimmed)
		}
		o, err := claims.Parse(trimmed)
		return o, err == nil
	}
	form, err := url.ParseQuery(string(trimmed))
	if err != nil || !form.Has("access_token") && !form.Has("error") {
		return nil, false
	}
	fields := claims.Object{}
	for k := range form {
		fields[k] = form.Get(k)
	}
	return fields, true
}

// readCut reads the members of an object up to where it is cut off.
func readCut(body []byte) (claims.Object, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	fields := claims.Object{}
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			break
		}
		var v any
		if d.Decode(&v) != nil {
			break
		}
		if s, ok := v.(string); !ok || len(s) <= maxPartial {
			fields[name] = v
		}
	}
	return fields, fields["access_token"] != nil
}

// normalizeTimes leaves lifetimes as whole seconds, or not at all.
func (a *Answer) normalizeTimes(fields claims.Object) {
	if at, ok := seconds(fields["expires_at"]); ok && fields["expires_in"] == nil && at > 0 {
		fields["expires_in"] = at - float64(a.received.Unix())
	}
	if fields["expires_in"] == nil && a.cfg.Token.Lifetime > 0 {
		fields["expires_in"] = a.cfg.Token.Lifetime.Seconds()
	}
	for _, k := range [...]string{"expires_in", "refresh_token_expires_in"} {
		if n, ok := seconds(fields[k]); ok {
			fields[k] = int64(min(max(n, 0), math.MaxInt32))
		} else {
			delete(fields, k)
		}
	}
}

func seconds(v any) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(fmt.Sprint(v)), 64)
	return f, err == nil && v != nil && !math.IsNaN(f)
}

func words(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var out []string
		for _, w := range v {
			if s, ok := w.(string); ok {
				out = append(out, s)
			}
		}
		return strings.Join(out, " ")
	}
	return ""
}

// standardNames puts the fields of an answer under the standard's names.
func (a *Answer) standardNames(out map[string]any) {
	for name, path := range a.cfg.Shapes.AnswerNames {
		if v := a.Fields.At(path); v != nil {
			out[name] = v
		}
	}
}

// renewable is the refresh token, or the access token where the provider exchanges that for a new one.
func (a *Answer) renewable(refresh string) secret.Text {
	if a.cfg.Shapes.RefreshWith == providers.RefreshWithAccess {
		return a.Tokens.Access
	}
	return secret.New(refresh)
}
