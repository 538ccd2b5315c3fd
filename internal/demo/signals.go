package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// LogoutToken makes a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4) for a person, one session of
// theirs, or both. change may spoil it.
func (d *Demo) LogoutToken(person, sid string, change func(claims map[string]any)) (string, error) {
	now := d.cfg.Now()
	claims := map[string]any{
		"iss":    d.Issuer,
		"aud":    d.ClientID,
		"iat":    now.Unix(),
		"exp":    now.Add(2 * time.Minute).Unix(),
		"jti":    random(16),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	if p := d.find(person); p != nil {
		claims["sub"] = p.Subject
	}
	if sid != "" {
		claims["sid"] = sid
	}
	if change != nil {
		change(claims)
	}
	return d.sign("logout+jwt", claims)
}

// SendLogout tells the client at uri (the registered one when empty) that a person signed out everywhere.
func (d *Demo) SendLogout(ctx context.Context, person, uri string) error {
	if uri == "" {
		uri = d.cfg.BackchannelLogoutURI
	}
	token, err := d.LogoutToken(person, "", nil)
	if err != nil {
		return err
	}
	d.tell(
		"logout",
		person,
		"%s signed out everywhere at the provider; the app is told over the back channel",
		d.called(person),
	)
	return d.post(ctx, uri, "application/x-www-form-urlencoded", url.Values{"logout_token": {token}}.Encode())
}

// Security events of Google's Cross-Account Protection, for SecurityEventToken.
const (
	EventSessionsRevoked  = "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked"
	EventTokensRevoked    = "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked"
	EventTokenRevoked     = "https://schemas.openid.net/secevent/oauth/event-type/token-revoked"
	EventAccountDisabled  = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	EventAccountEnabled   = "https://schemas.openid.net/secevent/risc/event-type/account-enabled"
	EventAccountPurged    = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
	EventCredentialChange = "https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required"
	EventVerification     = "https://schemas.openid.net/secevent/risc/event-type/verification"
)

// SecurityEventToken makes a security event token (RFC 8417) as Google does: no exp, and an iss with a slash at its
// end. change may spoil it.
func (d *Demo) SecurityEventToken(event, person string, change func(claims map[string]any)) (string, error) {
	body := map[string]any{}
	if p := d.find(person); p != nil {
		body["subject"] = map[string]any{"subject_type": "iss-sub", "iss": d.Issuer + "/", "sub": p.Subject}
	}
	switch event {
	case EventAccountDisabled:
		body["reason"] = "hijacking"
	case EventVerification:
		body["state"] = random(8)
	}
	claims := map[string]any{
		"iss":    d.Issuer + "/",
		"aud":    []string{d.ClientID},
		"iat":    d.cfg.Now().Unix(),
		"jti":    random(16),
		"events": map[string]any{event: body},
	}
	if change != nil {
		change(claims)
	}
	return d.sign("secevent+jwt", claims)
}

// SendSecurityEvent pushes one (RFC 8935) to uri, or to the registered address when it is empty.
func (d *Demo) SendSecurityEvent(ctx context.Context, event, person, uri string) error {
	if uri == "" {
		uri = d.cfg.SecurityEventsURI
	}
	token, err := d.SecurityEventToken(event, person, nil)
	if err != nil {
		return err
	}
	d.tell(
		"security-event",
		person,
		"a security event about %s is sent to the app: %s",
		d.called(person),
		event[strings.LastIndexByte(event, '/')+1:],
	)
	return d.post(ctx, uri, "application/secevent+jwt", token)
}

func (d *Demo) serveRISCConfiguration(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"issuer": d.Issuer, "jwks_uri": d.Issuer + "/oauth2/v3/certs",
		"delivery_methods_supported": []string{"urn:ietf:rfc:8935"}})
}

// post sends a message to the client. Only an answer of 200, 202 or 204 is success.
func (d *Demo) post(ctx context.Context, uri, kind, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("tell the client: %w", err)
	}
	r.Header.Set("Content-Type", kind)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(
		r,
	)
	if err != nil {
		return errors.New("tell the client: no answer")
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return nil
	}
	return fmt.Errorf("tell the client: it answered %d", resp.StatusCode)
}
