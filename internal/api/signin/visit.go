package signin

import (
	"encoding/json"
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

// crossing leads browsers from one front to the other.
type crossing struct {
	attempts *attempts
	fronts   *route.Fronts
}

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

// An arrival is what a code says, beside the user and the connection of its handover.
type arrival struct {
	Front string `json:"front"` // the only one where it counts
	Visit string `json:"visit"` // the only one by which it is opened

	Home     string         `json:"home,omitempty"`     // the ticket of the session on the first front that vouches for the person
	Silent   bool           `json:"silent,omitempty"`   // nobody saw the provider
	Handle   string         `json:"handle,omitempty"`   // of the session at the provider
	Identity vault.Identity `json:"identity,omitempty"` // of an account that is to be linked
	Choose   bool           `json:"choose,omitempty"`   // nobody is signed in: the person chooses a provider
	Failed   problem.Code   `json:"failed,omitempty"`
}

// by is the attempt of a start, as that which half opened.
func (s *start) by(half secret.Text) *attempt {
	a := s.Attempt
	a.opener = half.Reveal()
	return &a
}

// leave sends a browser from a further front to the first.
func (x *crossing) leave(c *route.Call, s start) error {
	s.Kind, s.Asked = aStart, s.Asked || loggedOut(c)
	v := visit{Kind: aVisit, Front: c.Front.Name, ReturnTo: s.Attempt.ReturnTo, Ticket: s.Attempt.Ticket,
		Connect: s.Attempt.Connect}
	name, opener, err := x.attempts.put(c, v, attemptLife)
	if err != nil {
		return err
	}
	s.Attempt.Front, s.Attempt.Visit = c.Front.Name, name
	found, half, err := x.attempts.put(c, s, codeLife)
	if err != nil {
		return err
	}
	x.attempts.keepCookie(c, name, opener)
	to := x.fronts.First().Origin + beginPath + "?" + url.Values{"start": {found + "." + half.Reveal()}}.Encode()
	return c.Redirect(to, http.StatusFound)
}

// open opens a start, and uses it up where take is true.
func (x *crossing) open(c *route.Call, name string, half secret.Text, take bool) (s start, err error) {
	read := x.attempts.vault.Attempts.Open
	if take {
		read = x.attempts.vault.Attempts.Take
	}
	payload, err := read(c.Ctx(), name, half)
	if err != nil {
		return start{}, err
	}
	if json.Unmarshal(payload, &s) != nil || s.Kind != aStart || x.fronts.Named(s.Attempt.Front) == nil {
		return start{}, vault.ErrNotFound
	}
	return s, nil
}

// visit opens the visit of which the browser shows the cookie, and uses it up where take is true. On another front than
// its own there is none, and it is not used up.
func (x *crossing) visit(c *route.Call, name, opener string, take bool) (v visit, err error) {
	payload, err := x.attempts.vault.Attempts.Open(c.Ctx(), name, secret.New(opener))
	if err != nil {
		return visit{}, err
	}
	if json.Unmarshal(payload, &v) != nil || v.Kind != aVisit || v.Front != c.Front.Name {
		return visit{}, vault.ErrNotFound
	}
	if take {
		_, err = x.attempts.vault.Attempts.Take(c.Ctx(), name, secret.New(opener))
	}
	return v, err
}

// code stores what an attempt of a further front came to, and returns the address at which it is used.
func (x *crossing) code(c *route.Call, a *attempt, n arrival, h vault.Handover) (to string, err error) {
	n.Front, n.Visit = a.Front, a.Visit
	if h.Note, err = json.Marshal(n); err != nil {
		return "", err
	}
	name, half, err := x.attempts.vault.Attempts.PutHandover(c.Ctx(), h, codeLife)
	if err != nil {
		return "", full(err)
	}
	return arriveAt(a.Front, a.Visit, "code", name, half), nil
}

// arriveAt is the address at which a pass or a code is used.
func arriveAt(front, visit, what, name string, half secret.Text) string {
	return front + arrivePath + "?" + url.Values{"visit": {visit}, what: {name + "." + half.Reveal()}}.Encode()
}

// withError is where the error of an attempt is shown. That of a further front goes there by a code; where none can be
// stored, without one.
func (x *crossing) withError(c *route.Call, a *attempt, why problem.Code) string {
	to := route.WithError(pathOf(a.ReturnTo), why)
	if a.Front == "" || x.fronts.Named(a.Front) == nil {
		return to
	}
	if by, err := x.code(c, a, arrival{Failed: why}, vault.Handover{}); err == nil {
		return by
	}
	return a.Front + to
}

func pathOf(returnTo string) string {
	if returnTo == "" {
		return "/"
	}
	return returnTo
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
