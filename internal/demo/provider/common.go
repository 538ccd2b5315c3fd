package provider

import (
	"log/slog"
	"time"

	"bff/internal/demo/journal"
)

// Config says which client there is, and what the demo plays.
type Config struct {
	Origin   string   // required: of the client; its redirect URI is Origin + "/bff/callback/" + Provider
	Provider string   // "demo"
	Fronts   []string // further origins of the client

	RedirectURIs         []string // further ones of the client
	PostLogoutURIs       []string // further ones; Origin and Origin + "/" are registered
	BackchannelLogoutURI string   // Origin + "/bff/backchannel-logout/" + Provider
	SecurityEventsURI    string   // Origin + "/bff/security-events/" + Provider

	TokenLifetime time.Duration // of an access token; 30 s
	CodeLifetime  time.Duration // 1 min
	Habits        *Habits       // Google() when nil
	People        []Person      // beside ada, grace and linus
	Now           func() time.Time
	Log           *slog.Logger             // info lines "provider" with what, who and text; nil: none
	Issued        func(kind, value string) // sees every credential that is made; nil: nobody does
}

// WithDefaults fills in what was left out.
func (c Config) WithDefaults() Config {
	if c.Provider == "" {
		c.Provider = "demo"
	}
	if c.TokenLifetime == 0 {
		c.TokenLifetime = 30 * time.Second
	}
	if c.CodeLifetime == 0 {
		c.CodeLifetime = time.Minute
	}
	if c.BackchannelLogoutURI == "" {
		c.BackchannelLogoutURI = c.Origin + "/bff/backchannel-logout/" + c.Provider
	}
	if c.SecurityEventsURI == "" {
		c.SecurityEventsURI = c.Origin + "/bff/security-events/" + c.Provider
	}
	if c.Habits == nil {
		h := Google()
		c.Habits = &h
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Issued == nil {
		c.Issued = func(string, string) {}
	}
	return c
}

// common is what every part knows. It never changes.
type common struct {
	issuer string
	cfg    Config
	habits Habits
	now    func() time.Time
	client *Client
	people *Register
	log    *journal.Journal
}

// tokenLifetime in whole seconds, a second short as Google does.
func (c *common) tokenLifetime() int { return max(int(c.cfg.TokenLifetime/time.Second)-1, 1) }
