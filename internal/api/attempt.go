package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"bff/internal/oauth"
	"bff/internal/secret"
)

const (
	attemptLife = 10 * time.Minute
	maxAttempts = 12 // cookies alive in one browser
	attemptName = 8  // characters of the state in the cookie's name
)

// An attempt is what a sign-in or a connect leaves in the vault until its way back. It is sealed: it holds the ticket of the session it connects to.
//
//	state   = 43 characters, through the provider         finds the record
//	opener  = 43 characters, in a cookie of its own       opens it
//	cookie  : <session cookie>-<first 8 of state> = <made, ms in base 36>.<opener>      SameSite=Lax, under 150 bytes
type attempt struct {
	Flow       []byte `json:"f"`           // oauth.Attempt
	ReturnTo   string `json:"r"`           // as returnPath made it
	Ticket     string `json:"t,omitempty"` // of the session to link to, or of the one that a sign-in replaces
	Connect    bool   `json:"c,omitempty"`
	Connection string `json:"i,omitempty"` // the one to repair
	Subject    string `json:"s,omitempty"` // the account it must be
	Again      bool   `json:"a,omitempty"` // the second round, which asks for consent
}

// begin stores an attempt, hands its cookie to the browser and sends it to the provider.
func (s *Server) begin(c *call, in oauth.Begin, a attempt, status int) error {
	flow, err := s.cfg.Broker.Begin(c.ctx(), in)
	if err != nil {
		s.logFailed(in.Provider, err)
		return err
	}
	a.Flow = flow.Marshal()
	payload, err := json.Marshal(a)
	if err != nil {
		return err
	}
	state, opener, err := s.cfg.Vault.PutAttempt(c.ctx(), payload, attemptLife)
	if err != nil {
		return err
	}
	to, err := s.cfg.Broker.URL(c.ctx(), flow, state)
	if err != nil {
		s.logFailed(in.Provider, err)
		return err
	}
	s.dropOldAttempts(c)
	made := strconv.FormatInt(s.now().UnixMilli(), 36) // several tabs may start within a second
	s.setAttemptCookie(c.w, s.attemptCookie(state), made+"."+opener.Reveal(), int(attemptLife/time.Second))
	c.w.Header().Set("Cache-Control", "no-store")
	addVary(c.w.Header(), "Cookie")
	redirect(c.w, to, status)
	return nil
}

func (s *Server) attemptCookie(state string) string {
	return s.cfg.Cookie + "-" + state[:min(attemptName, len(state))]
}

func (s *Server) setAttemptCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// dropOldAttempts makes room for one more: of the attempts the browser holds, the oldest give way.
func (s *Server) dropOldAttempts(c *call) {
	type old struct {
		name string
		made int64
	}
	var alive []old
	for _, k := range c.r.Cookies() {
		rest, ok := strings.CutPrefix(k.Name, s.cfg.Cookie+"-")
		if !ok || len(rest) != attemptName {
			continue
		}
		made, _, _ := strings.Cut(k.Value, ".")
		at, err := strconv.ParseInt(made, 36, 64)
		if err != nil {
			at = 0
		}
		alive = append(alive, old{k.Name, at})
	}
	slices.SortFunc(alive, func(a, b old) int { return int(a.made - b.made) })
	for len(alive) >= maxAttempts {
		s.setAttemptCookie(c.w, alive[0].name, "", -1)
		alive = alive[1:]
	}
}

// take finds, opens and uses up the attempt of a way back. Without the browser's own cookie there is none: a state alone proves nothing.
func (s *Server) take(c *call, provider, state string) (attempt, oauth.Attempt, error) {
	expired := newProblem(codeLoginExpired)
	if state == "" {
		return attempt{}, oauth.Attempt{}, expired
	}
	cookies := c.r.CookiesNamed(s.attemptCookie(state))
	if len(cookies) != 1 {
		return attempt{}, oauth.Attempt{}, expired
	}
	_, opener, _ := strings.Cut(cookies[0].Value, ".")
	payload, err := s.cfg.Vault.TakeAttempt(c.ctx(), state, secret.New(opener))
	if err != nil {
		return attempt{}, oauth.Attempt{}, err
	}
	s.setAttemptCookie(c.w, s.attemptCookie(state), "", -1)
	var a attempt
	if json.Unmarshal(payload, &a) != nil {
		return attempt{}, oauth.Attempt{}, expired
	}
	flow, err := oauth.ParseAttempt(a.Flow)
	if err != nil {
		return attempt{}, oauth.Attempt{}, expired
	}
	if flow.Provider != provider { // mix-up: each provider has a redirect URI of its own (RFC 9700 section 4.4.2)
		return a, oauth.Attempt{}, newProblem(codeLoginFailed)
	}
	return a, flow, nil
}

// redirect answers with a Location and no body. to is built here or by oauth, never taken from a request as it came.
func redirect(w http.ResponseWriter, to string, status int) {
	w.Header().Set("Location", to)
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
}
