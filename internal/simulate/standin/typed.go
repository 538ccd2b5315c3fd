package standin

import (
	"encoding/base64"
	"strings"
)

// Key is what a person types at a provider whose accounts are linked by an API key, and the password at one with a
// password.
func Key(person string) string { return typedPrefix + person + "-0123456789abcdef" }

// typed is whose a typed credential is.
func (s *StandIn) typed(token string) (person string, ok bool) {
	if s.file.Auth == "basic" {
		plain, err := base64.StdEncoding.DecodeString(token)
		if err != nil {
			return "", false
		}
		user, password, _ := strings.Cut(string(plain), ":")
		return user, user != "" && password == Key(user) && s.accepts(user)
	}
	person, ok = strings.CutPrefix(token, typedPrefix)
	person, _, _ = strings.Cut(person, "-")
	return person, ok && s.file.Auth != "" && token == Key(person) && s.accepts(person)
}

// accepts says whether a person's key was not revoked.
func (s *StandIn) accepts(person string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.consents["revoked "+person]
}

// RevokeKey has the provider refuse a person's key from now on, or take it again.
func (s *StandIn) RevokeKey(person string, revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.consents["revoked "+person] = revoked
}
