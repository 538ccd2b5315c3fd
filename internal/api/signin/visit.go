package signin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/vault"
)

// The redirect URIs at the providers are the first front's. So a sign-in, or the linking of an account, that begins on a
// further front goes by way of the first:
//
//	further  /bff/login/{provider}   a visit in the store, its opener in a Lax cookie here, a start        ─► first
//	first    /bff/front/begin        who is signed in there, with sso: a code                              ─► further
//	                                 else: an attempt, its opener in a Lax cookie here, a pass             ─► further
//	further  /bff/front/arrive       the pass, opened by the visit's cookie                                ─► provider
//	first    /bff/callback           as any other; what it brought goes into a code                        ─► further
//	further  /bff/front/arrive       the code, opened by the visit's cookie: the session, or the link      ─► return_to
//
// The rules are:
//
//  1. Starts, passes and codes are used once, live for a minute, and are sealed in the store; the address carries what
//     finds and opens them.
//  2. That is not enough to use a pass or a code: the browser must show the cookie of the visit that it was made for, on
//     the front that it was made for. A start that somebody else made leads to no provider, and a code that somebody
//     else has opens nothing.
//  3. Nothing of an address says where anybody is led: fronts are those of the configuration, paths are sealed.
//  4. Tokens go to the session of the front on which the sign-in began. They have one owner: a provider that rotates
//     refresh tokens takes a second one for a thief.

// codeLife is how long a start, a pass or a code may take from one front to the other.
const codeLife = time.Minute

// The addresses of the two ends.
const (
	beginPath  = "/bff/front/begin"
	arrivePath = "/bff/front/arrive"
)

// What a record of this file is: none stands in for another, nor for an attempt.
const (
	aVisit = "visit"
	aStart = "start"
	aPass  = "pass"
)

// A visit is what a further front keeps of a sign-in that began there.
type visit struct {
	Kind     string `json:"kind"` // aVisit
	Front    string `json:"front"`
	ReturnTo string `json:"return_to"`
	Ticket   string `json:"ticket,omitempty"` // of the session to link to, or of the one that a sign-in replaces
	Connect  bool   `json:"connect,omitempty"`
}

// A start is what the first front is to begin. Without a provider it is only to say who is signed in there.
type start struct {
	Kind    string      `json:"kind"` // aStart
	In      oauth.Begin `json:"in"`
	Attempt attempt     `json:"attempt"` // with Front and Visit
	Asked   bool        `json:"asked"`   // the provider's page is wanted
}

// A pass leads a browser to the provider, once its visit's cookie was seen.
type pass struct {
	Kind  string `json:"kind"` // aPass
	Front string `json:"front"`
	Visit string `json:"visit"`
	To    string `json:"to"`
}

// leave sends a browser from a further front to the first.
func (f *Flow) leave(c *route.Call, s start) error {
	s.Kind, s.Asked = aStart, s.Asked || loggedOut(c)
	v := visit{Kind: aVisit, Front: c.Front.Name, ReturnTo: s.Attempt.ReturnTo, Ticket: s.Attempt.Ticket,
		Connect: s.Attempt.Connect}
	name, opener, err := f.put(c, v, attemptLife)
	if err != nil {
		return err
	}
	s.Attempt.Front, s.Attempt.Visit = c.Front.Name, name
	found, half, err := f.put(c, s, codeLife)
	if err != nil {
		return err
	}
	f.keepCookie(c, name, opener)
	to := f.cfg.Fronts.First().Origin + beginPath + "?" + url.Values{"start": {found + "." + half.Reveal()}}.Encode()
	return c.Redirect(to, http.StatusFound)
}

func (f *Flow) put(c *route.Call, record any, life time.Duration) (name string, half secret.Text, err error) {
	payload, err := json.Marshal(record)
	if err != nil {
		return "", secret.Text{}, err
	}
	name, half, err = f.cfg.Vault.PutAttempt(c.Ctx(), payload, life)
	return name, half, full(err)
}

// BeginFor begins at the first front what a further one sent here.
func (f *Flow) BeginFor(c *route.Call) error {
	if c.Front.Further() || !f.cfg.Fronts.Several() {
		return problem.New(problem.NotFound)
	}
	if !route.Navigates(c.R) {
		return problem.New(problem.CSRFRejected)
	}
	if c.R.Method == http.MethodHead {
		return c.Empty(http.StatusNoContent)
	}
	name, half := cutCode(c.R.URL.Query().Get("start"))
	s, err := f.start(c, name, half, false)
	if err == nil && f.cfg.SSO && !s.Attempt.Connect && c.ReloadDue() {
		return c.Reload() // who is signed in here shows only to this origin; the start is used when it comes again
	}
	if err == nil {
		s, err = f.start(c, name, half, true)
	}
	if errors.Is(err, vault.ErrNotFound) {
		if to, ok := f.again(c, name, half.Reveal()); ok {
			return f.back(c, to)
		}
	}
	if err != nil {
		return f.fail(c, s.In.Provider, "", &attempt{}, "", err)
	}
	to, err := f.onward(c, s)
	if err != nil {
		return f.fail(c, s.In.Provider, name, s.by(half), "", err)
	}
	f.settled(c, name, s.by(half), "", to)
	return f.back(c, to)
}

// by is the attempt of a start, as that which half opened.
func (s *start) by(half secret.Text) *attempt {
	a := s.Attempt
	a.opener = half.Reveal()
	return &a
}

// start opens a start, and uses it up where take is true.
func (f *Flow) start(c *route.Call, name string, half secret.Text, take bool) (s start, err error) {
	open := f.cfg.Vault.OpenAttempt
	if take {
		open = f.cfg.Vault.TakeAttempt
	}
	payload, err := open(c.Ctx(), name, half)
	if err != nil {
		return start{}, err
	}
	if json.Unmarshal(payload, &s) != nil || s.Kind != aStart || f.cfg.Fronts.Named(s.Attempt.Front) == nil {
		return start{}, vault.ErrNotFound
	}
	return s, nil
}

// onward is where the browser of a start goes next: back with a code, or to the provider, by the further front.
func (f *Flow) onward(c *route.Call, s start) (to string, err error) {
	a := s.Attempt
	session := c.Session
	if a.Connect {
		session = nil
	}
	switch {
	case f.cfg.SSO && session != nil && !s.Asked && asksNothing(&s.In) &&
		(s.In.Provider == "" || s.In.Provider == session.User.Provider):
		return f.code(c, &a, arrival{Home: session.Ticket().Reveal(), Silent: true}, vault.Handover{})
	case s.In.Provider == "":
		return f.code(c, &a, arrival{Choose: true}, vault.Handover{})
	case !f.known(s.In.Provider) || !a.Connect && f.linkedOnly(s.In.Provider): // the configuration changed
		return "", problem.New(problem.LoginFailed)
	}
	if session != nil {
		a.Home = session.Ticket().Reveal()
	}
	provider, err := f.prepare(c, s.In, a)
	if err != nil {
		return "", err
	}
	name, half, err := f.put(c, pass{Kind: aPass, Front: a.Front, Visit: a.Visit, To: provider}, codeLife)
	if err != nil {
		return "", err
	}
	return f.arriveAt(a.Front, a.Visit, "pass", name, half), nil
}

// arriveAt is the address at which a pass or a code is used.
func (f *Flow) arriveAt(front, visit, what, name string, half secret.Text) string {
	return front + arrivePath + "?" + url.Values{"visit": {visit}, what: {name + "." + half.Reveal()}}.Encode()
}

// cutCode reads what an address carries of a start, a pass or a code.
func cutCode(text string) (name string, half secret.Text) {
	name, rest, _ := strings.Cut(text, ".")
	return name, secret.New(rest)
}

// logoutMark is the end of the name of the cookie that a further front sets at a logout.
const logoutMark = "-out"

// logoutLife is how long a front knows that the person logged out there: as long as hardly any session lasts.
const logoutLife = 30 * 24 * time.Hour

// LoggedOut notes on a further front that the person logged out there: the next sign-in shows the provider, although
// another front may still know who is there.
func LoggedOut(c *route.Call) {
	if c.Front.Further() {
		c.SetLaxCookie(c.Front.Cookie+logoutMark, "1", int(logoutLife/time.Second))
	}
}

func loggedOut(c *route.Call) bool { return len(c.R.CookiesNamed(c.Front.Cookie+logoutMark)) > 0 }
