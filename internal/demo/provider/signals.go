package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bff/internal/demo/answer"
	"bff/internal/demo/shelf"
)

// Signals are what the provider sends to the client by itself: logout tokens and security events. Safe for concurrent
// use.
type Signals struct {
	*common
	keys *Keys
}

// LogoutToken makes a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4) for a person, one session of
// theirs, or both. change may spoil it.
func (s *Signals) LogoutToken(person, sid string, change func(claims map[string]any)) (string, error) {
	now := s.now()
	claims := map[string]any{
		"iss":    s.issuer,
		"aud":    s.client.ClientID,
		"iat":    now.Unix(),
		"exp":    now.Add(2 * time.Minute).Unix(),
		"jti":    shelf.Random(16),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	if p := s.people.Find(person); p != nil {
		claims["sub"] = p.Subject
	}
	if sid != "" {
		claims["sid"] = sid
	}
	if change != nil {
		change(claims)
	}
	return s.keys.sign("logout+jwt", claims)
}

// SendLogout sends a logout token to the client at uri (the registered one when empty): a person signed out everywhere.
func (s *Signals) SendLogout(ctx context.Context, person, uri string) error {
	if uri == "" {
		uri = s.cfg.BackchannelLogoutURI
	}
	token, err := s.LogoutToken(person, "", nil)
	if err != nil {
		return err
	}
	s.log.Note(
		"logout",
		person,
		"%s signed out everywhere at the provider; the app gets a notice over the back channel",
		s.people.Called(person),
	)
	return s.post(ctx, uri, "application/x-www-form-urlencoded", url.Values{"logout_token": {token}}.Encode())
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
func (s *Signals) SecurityEventToken(event, person string, change func(claims map[string]any)) (string, error) {
	body := map[string]any{}
	if p := s.people.Find(person); p != nil {
		body["subject"] = map[string]any{"subject_type": "iss-sub", "iss": s.issuer + "/", "sub": p.Subject}
	}
	switch event {
	case EventAccountDisabled:
		body["reason"] = "hijacking"
	case EventVerification:
		body["state"] = shelf.Random(8)
	}
	claims := map[string]any{
		"iss":    s.issuer + "/",
		"aud":    []string{s.client.ClientID},
		"iat":    s.now().Unix(),
		"jti":    shelf.Random(16),
		"events": map[string]any{event: body},
	}
	if change != nil {
		change(claims)
	}
	return s.keys.sign("secevent+jwt", claims)
}

// SendSecurityEvent pushes one (RFC 8935) to uri, or to the registered address when it is empty.
func (s *Signals) SendSecurityEvent(ctx context.Context, event, person, uri string) error {
	if uri == "" {
		uri = s.cfg.SecurityEventsURI
	}
	token, err := s.SecurityEventToken(event, person, nil)
	if err != nil {
		return err
	}
	s.log.Note(
		"security-event",
		person,
		"a security event about %s is sent to the app: %s",
		s.people.Called(person),
		event[strings.LastIndexByte(event, '/')+1:],
	)
	return s.post(ctx, uri, "application/secevent+jwt", token)
}

func (s *Signals) serveRISCConfiguration(w http.ResponseWriter, _ *http.Request) {
	answer.JSON(w, http.StatusOK, map[string]any{"issuer": s.issuer, "jwks_uri": s.issuer + "/oauth2/v3/certs",
		"delivery_methods_supported": []string{"urn:ietf:rfc:8935"}})
}

// post sends a message to the client. Only an answer of 200, 202 or 204 is success.
func (s *Signals) post(ctx context.Context, uri, kind, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("send to the client: %w", err)
	}
	r.Header.Set("Content-Type", kind)
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		return errors.New("send to the client: no answer")
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return nil
	}
	return fmt.Errorf("send to the client: it answered %d", resp.StatusCode)
}
