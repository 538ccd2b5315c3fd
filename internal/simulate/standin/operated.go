package standin

import (
	"net/http"
	"time"

	"bff/internal/oauth/providers"
)

// What the application itself has at every stand-in, where calls carry a credential of the operator's.
const (
	Application    = "application" // who it is there
	ServiceAccount = "robot@simulated.example"
	Installation   = "4711"
)

// serveOperated gives the application a token for its own credential.
func (s *tokens) serveOperated(w http.ResponseWriter, in request, t *Trouble) {
	var why string
	switch s.file.Auth {
	case providers.AuthServiceAccount:
		why = s.clients.wrongServiceAccount(in)
	case providers.AuthGitHubApp:
		why = s.clients.wrongApp(in)
	default:
		why = s.clients.wrongClientCredentials(in)
	}
	if why != "" {
		s.journal.note("the token request: " + why)
		s.words.refuseToken(w, http.StatusUnauthorized, "invalid_client", why)
		return
	}
	g := s.grants.obtain()
	if s.file.Auth == providers.AuthGitHubApp {
		access, _ := s.grants.newTokens(g, false)
		writeJSON(w, http.StatusCreated, fields{"token": access, "expires_at": s.cfg.Now().Add(s.cfg.Life).UTC().Format(time.RFC3339)})
		return
	}
	s.grantTokens(w, g, Token, false, t.alter, t)
}
