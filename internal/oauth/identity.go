package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/oauth2"
)

// claims are what is kept of whoever signed in.
type claims struct {
	Subject       string
	Name          string
	Email         string
	EmailVerified bool
	Picture       string
	session       string // at the provider: sid
}

const (
	maxSubject = 255 // bytes, OpenID Connect Core section 2
	maxClaim   = 1024
)

// identify says whose tokens these are: by the ID token, by userinfo, or, where a provider has neither, by the token answer itself.
func (p *provider) identify(ctx context.Context, m *metadata, a Attempt, tok *oauth2.Token, answer map[string]any) (claims, error) {
	var who claims
	fail := func(text string) (claims, error) {
		return claims{}, p.fail(KindFailed, "identify the account at", errors.New(text))
	}
	raw := extra(tok, "id_token")
	if p.Issuer != "" && (raw != "" || slices.Contains(a.Scopes, "openid")) {
		c, err := p.verifyIDToken(ctx, m, a, raw, tok.AccessToken)
		if err != nil {
			return claims{}, err
		}
		who = c
	}
	if m.UserinfoURL == "" && p.Issuer == "" {
		who = looseClaims(answer, p.subjectPath(), p.Userinfo.Profile)
	}
	if m.UserinfoURL != "" && (who.Subject == "" || who.Name == "" && slices.Contains(a.Scopes, "profile") || who.Email == "" && slices.Contains(a.Scopes, "email")) {
		info, err := p.userinfo(ctx, m, tok.AccessToken)
		switch {
		case err != nil && who.Subject == "":
			return claims{}, err
		case err == nil && who.Subject != "" && info.Subject != who.Subject:
			return fail("userinfo speaks of another subject than the ID token") // OpenID Connect Core 5.3.2
		case err == nil:
			who = merge(who, info)
		}
	}
	if who.Subject == "" || len(who.Subject) > maxSubject {
		return fail("there is no usable subject")
	}
	for _, text := range [...]*string{&who.Name, &who.Email, &who.Picture} {
		if len(*text) > maxClaim {
			*text = ""
		}
	}
	if !strings.HasPrefix(who.Picture, "https://") {
		who.Picture = ""
	}
	return who, nil
}

func (p *provider) subjectPath() string {
	if p.Userinfo.Subject == "" {
		return "sub"
	}
	return p.Userinfo.Subject
}

// merge fills from userinfo what the ID token left out.
func merge(token, info claims) claims {
	if token.Subject == "" {
		return info
	}
	if token.Name == "" {
		token.Name = info.Name
	}
	if token.Email == "" {
		token.Email, token.EmailVerified = info.Email, info.EmailVerified
	}
	if token.Picture == "" {
		token.Picture = info.Picture
	}
	return token
}

// userinfo asks who the access token belongs to.
func (p *provider) userinfo(ctx context.Context, m *metadata, access string) (claims, error) {
	fail := func(kind Kind, text string) (claims, error) {
		return claims{}, p.fail(kind, "ask userinfo of", errors.New(text))
	}
	method := p.Userinfo.Method
	if method == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(ctx, method, m.UserinfoURL, strings.NewReader(p.Userinfo.Body))
	if err != nil {
		return fail(KindFailed, "the address does not parse")
	}
	r.Header.Set("Authorization", "Bearer "+access)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	for k, v := range p.Userinfo.Headers {
		r.Header.Set(k, strings.ReplaceAll(v, "{client_id}", p.Client.ID))
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return fail(KindUnavailable, "no answer")
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 {
		return fail(KindUnavailable, "it is down")
	}
	if resp.StatusCode != http.StatusOK {
		return fail(KindFailed, "the answer is not 200")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fail(KindUnavailable, "the answer broke off")
	}
	loose, err := readObject(body)
	if err != nil {
		return fail(KindFailed, "the answer is not a JSON object")
	}
	return looseClaims(loose, p.subjectPath(), p.Userinfo.Profile), nil
}

// readObject reads a JSON object and leaves its numbers as they are written: an id may have more digits than a float.
func readObject(b []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil || m == nil {
		return nil, errors.New("not a JSON object")
	}
	return m, nil
}

// looseClaims reads claims whose names and types vary between providers: numbers as ids, booleans as strings.
func looseClaims(m map[string]any, subject string, profile map[string]string) claims {
	get := func(claim string) any {
		if path := profile[claim]; path != "" {
			return at(m, path)
		}
		return m[claim]
	}
	verified := get("email_verified")
	return claims{Subject: joined(m, subject), Name: text(get("name")), Email: text(get("email")), Picture: text(get("picture")),
		EmailVerified: verified == true || verified == "true"}
}

// joined reads a subject that may be of several parts, each of which must be there.
func joined(m map[string]any, paths string) string {
	var parts []string
	for _, path := range strings.Split(paths, "+") {
		part := text(at(m, path))
		if part == "" {
			return ""
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "/")
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
