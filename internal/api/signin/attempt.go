package signin

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/vault"
)

const (
	attemptLife = 10 * time.Minute
	maxAttempts = 12 // cookies alive in one browser
	attemptName = 8  // characters of the state in the cookie's name
)

// attempts are what sign-ins leave in the store and in browsers until their way back.
type attempts struct {
	vault *vault.Vault
	now   func() time.Time
}

// An attempt is what a sign-in or a connect leaves in the vault until its way back. It is sealed: it holds the ticket
// of the session it connects to.
//
//	state   = 43 characters, through the provider         finds the record
//	opener  = 43 characters, in a cookie of its own       opens it
//	cookie  : <session cookie>-<first 8 of state> = <made, ms in base 36>.<opener>      SameSite=Lax, under 150 bytes
type attempt struct {
	Provider string   `json:"p"`
	Scopes   []string `json:"o,omitempty"` // asked for
	Nonce    string   `json:"n"`
	Verifier string   `json:"v"` // PKCE code verifier

	ReturnTo   string `json:"r"`           // as route.ReturnPath made it
	Ticket     string `json:"t,omitempty"` // of the session to link to, or of the one that a sign-in replaces
	Connect    bool   `json:"c,omitempty"`
	Connection string `json:"i,omitempty"` // the one to repair
	Subject    string `json:"s,omitempty"` // the account it must be
	Again      bool   `json:"a,omitempty"` // the second round, which asks for consent

	Values map[string]string `json:"b,omitempty"` // of variables

	Front string `json:"f,omitempty"` // the further front on which it began
	Visit string `json:"w,omitempty"` // its visit there
	Home  string `json:"h,omitempty"` // the ticket of the session on the first front that the sign-in replaces

	opener string // of the cookie that opened it
}

// flow is the attempt as the broker knows it.
func (a *attempt) flow() oauth.Attempt {
	return oauth.Attempt{
		Provider: a.Provider,
		Scopes:   a.Scopes,
		Nonce:    secret.New(a.Nonce),
		Verifier: secret.New(a.Verifier),
		Values:   a.Values,
	}
}

func (a *attempt) set(flow *oauth.Attempt) {
	a.Provider, a.Scopes, a.Nonce, a.Verifier = flow.Provider, flow.Scopes, flow.Nonce.Reveal(), flow.Verifier.Reveal()
	a.Values = flow.Values
}

// attemptCookie is the name of an attempt's cookie on the front of the call.
func attemptCookie(c *route.Call, state string) string {
	return c.Front.Cookie + "-" + state[:min(attemptName, len(state))]
}

// put stores a record, and returns what finds and what opens it.
func (k *attempts) put(c *route.Call, record any, life time.Duration) (name string, half secret.Text, err error) {
	payload, err := json.Marshal(record)
	if err != nil {
		return "", secret.Text{}, err
	}
	name, half, err = k.vault.Attempts.Put(c.Ctx(), payload, life)
	return name, half, full(err)
}

// full says of an attempt that could not be stored what it means for the person.
func full(err error) error {
	switch {
	case errors.Is(err, vault.ErrTooLarge):
		return problem.New(problem.BadRequest).Because("The parameters are too long.")
	case errors.Is(err, vault.ErrFull):
		return problem.New(problem.RateLimited).After(time.Minute)
	}
	return err
}

// keepCookie gives the browser the cookie that opens an attempt.
func (k *attempts) keepCookie(c *route.Call, state string, opener secret.Text) {
	k.dropOldAttempts(c)
	made := strconv.FormatInt(k.now().UnixMilli(), 36) // several tabs may start within a second
	c.SetLaxCookie(attemptCookie(c, state), made+"."+opener.Reveal(), int(attemptLife/time.Second))
}

// dropOldAttempts makes room for one more: of the attempts the browser holds, the oldest give way.
func (k *attempts) dropOldAttempts(c *route.Call) {
	type old struct {
		name string
		made int64
	}
	var alive []old
	for _, k := range c.R.Cookies() {
		rest, ok := strings.CutPrefix(k.Name, c.Front.Cookie+"-")
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
		c.SetLaxCookie(alive[0].name, "", -1)
		alive = alive[1:]
	}
}

// take finds, opens and uses up the attempt of a way back. Without the browser's own cookie there is none: a state
// alone proves nothing.
func (k *attempts) take(c *route.Call, provider, state string) (attempt, error) {
	expired := problem.New(problem.LoginExpired)
	if state == "" {
		return attempt{}, expired
	}
	opener := openerOf(c, state)
	if opener == "" {
		return attempt{}, expired
	}
	payload, err := k.vault.Attempts.Take(c.Ctx(), state, secret.New(opener))
	if err != nil {
		return attempt{}, err
	}
	c.SetLaxCookie(attemptCookie(c, state), "", -1)
	a := attempt{opener: opener}
	if json.Unmarshal(payload, &a) != nil || a.Verifier == "" {
		return attempt{}, expired
	}
	if a.Provider != provider { // mix-up: each provider has a redirect URI of its own (RFC 9700 section 4.4.2)
		return a, problem.New(problem.LoginFailed)
	}
	return a, nil
}

// openerOf is what the attempt's cookie holds, "" without exactly one.
func openerOf(c *route.Call, state string) string {
	cookies := c.R.CookiesNamed(attemptCookie(c, state))
	if len(cookies) != 1 {
		return ""
	}
	_, opener, _ := strings.Cut(cookies[0].Value, ".")
	return opener
}
