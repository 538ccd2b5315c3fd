package provider

import (
	"slices"
	"sync"
	"time"

	"bff/internal/demo/journal"
	"bff/internal/demo/shelf"
)

// A code is an authorization code: good once, for a minute. A second use ends what the first one brought (RFC 6749
// section 4.1.2).
type code struct {
	flow      *flow
	scopes    []string
	consented bool
	expires   time.Time
	used      bool
	family    *family
}

// A family is everything that came of one sign-in: access tokens, and the chain of refresh tokens.
type family struct {
	person    *Person
	scopes    []string
	sid       string
	born      time.Time
	live      map[string]time.Time // refresh token -> issued
	used      map[string]time.Time // refresh token -> when it was rotated away
	access    map[string]struct{}
	refreshes int
	dead      string // why, or "" while it lives
}

type accessToken struct {
	family  *family
	scopes  []string
	expires time.Time
}

// A Ledger holds what was granted and issued. Safe for concurrent use.
type Ledger struct {
	*common
	browsers *browsers

	mu       sync.Mutex
	codes    *shelf.Shelf[*code]
	families map[string]map[*family]struct{} // person -> those that live
	access   map[string]*accessToken
	refresh  map[string]*family // live and used ones
	pruneAt  int
	grants   map[string][]string // person -> scopes that the client was ever granted
}

func newLedger(c *common, b *browsers) *Ledger {
	return &Ledger{
		common: c, browsers: b, codes: shelf.New[*code](10_000), families: map[string]map[*family]struct{}{},
		access: map[string]*accessToken{}, refresh: map[string]*family{}, grants: map[string][]string{}, pruneAt: 10_000,
	}
}

// granted are the scopes that a person ever granted, and whether there is a grant at all.
func (l *Ledger) granted(person string) ([]string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	scopes, ok := l.grants[person]
	return scopes, ok
}

// newCode issues a code and remembers what was granted.
func (l *Ledger) newCode(f *flow, granted []string, consented bool) string {
	value := "4/" + shelf.Random(48)
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.grants[f.person.Name]
	l.grants[f.person.Name] = union(before, granted)
	scopes := granted
	if f.include && l.habits.IncludeGranted {
		scopes = union(granted, before)
	}
	l.codes.Put(value, &code{flow: f, scopes: scopes, consented: consented, expires: l.now().Add(l.cfg.CodeLifetime)})
	l.log.Count(f.person.Name, func(c *journal.Counts) { c.SignIns++ })
	if consented {
		l.log.Note(
			"consent",
			f.person.Name,
			"%s agreed to %d of %d scopes",
			f.person.GivenName(),
			len(granted),
			len(f.scopes),
		)
	}
	l.log.Note("sign-in", f.person.Name, "%s signed in; a code is on its way back", f.person.GivenName())
	l.cfg.Issued("code", value)
	return value
}

// newFamily starts the tokens of a code. l.mu is held.
func (l *Ledger) newFamily(c *code) *family {
	fam := &family{person: c.flow.person, scopes: c.scopes, born: l.now(),
		live: map[string]time.Time{}, used: map[string]time.Time{}, access: map[string]struct{}{}}
	fam.sid = l.browsers.sid(c.flow.browser, fam.person.Name)
	of := l.families[fam.person.Name]
	if of == nil {
		of = map[*family]struct{}{}
		l.families[fam.person.Name] = of
	}
	of[fam] = struct{}{}
	return fam
}

// wantsRefresh decides whether a code brings a refresh token.
func (l *Ledger) wantsRefresh(c *code) bool {
	switch l.habits.RefreshTokens {
	case RefreshNever:
		return false
	case RefreshOnConsent:
		return c.flow.offline && c.consented
	case RefreshOnScope:
		return slices.Contains(c.scopes, "offline_access")
	}
	return true
}

// newAccess issues an access token of a family. l.mu is held.
func (l *Ledger) newAccess(fam *family) string {
	bytes := l.habits.AccessBytes
	if bytes == 0 {
		bytes = 160
	}
	value, now := "ya29."+shelf.Random(bytes), l.now()
	l.access[value] = &accessToken{family: fam, scopes: fam.scopes, expires: now.Add(l.cfg.TokenLifetime)}
	fam.access[value] = struct{}{}
	l.log.Count(fam.person.Name, func(c *journal.Counts) { c.Issued++ })
	l.cfg.Issued("access_token", value)
	l.prune(now)
	return value
}

// prune forgets expired access tokens, dead families, and refresh tokens that were used up a day ago, each time all
// of it has doubled. l.mu is held.
func (l *Ledger) prune(now time.Time) {
	if len(l.access)+len(l.refresh) < l.pruneAt {
		return
	}
	for value, a := range l.access {
		if now.After(a.expires.Add(time.Minute)) {
			delete(l.access, value)
			delete(a.family.access, value)
		}
	}
	for value, fam := range l.refresh {
		if at, used := fam.used[value]; fam.dead != "" || used && now.After(at.Add(24*time.Hour)) {
			delete(l.refresh, value)
			delete(fam.used, value)
		}
	}
	for _, of := range l.families {
		for fam := range of {
			if len(fam.access)+len(fam.live)+len(fam.used) == 0 {
				delete(of, fam)
			}
		}
	}
	l.pruneAt = max(10_000, 2*(len(l.access)+len(l.refresh)))
}

// newRefresh issues a refresh token of a family. l.mu is held.
func (l *Ledger) newRefresh(fam *family) string {
	value := "1//" + shelf.Random(72)
	fam.live[value] = l.now()
	l.refresh[value] = fam
	l.cfg.Issued("refresh_token", value)
	return value
}

// dropOldest keeps Google's cap of live refresh tokens for a person and client: the oldest sign-in loses its own
// without a word. l.mu is held.
func (l *Ledger) dropOldest(person *Person) {
	if l.habits.MaxRefresh == 0 {
		return
	}
	n := 0
	var oldest *family
	for fam := range l.families[person.Name] {
		if fam.dead != "" || len(fam.live) == 0 {
			continue
		}
		n++
		if oldest == nil || fam.born.Before(oldest.born) {
			oldest = fam
		}
	}
	if n > l.habits.MaxRefresh {
		l.end(oldest, "dropped")
		l.log.Note(
			"dropped",
			person.Name,
			"%s has more than %d refresh tokens: the oldest was dropped",
			person.GivenName(),
			l.habits.MaxRefresh,
		)
	}
}

// end kills a family: no token of it is good any more. l.mu is held.
func (l *Ledger) end(fam *family, why string) {
	if fam.dead != "" {
		return
	}
	fam.dead = why
	for value := range fam.access {
		delete(l.access, value)
	}
	clear(fam.access)
	delete(l.families[fam.person.Name], fam)
}

// RevokePerson takes away everything a person granted, as their account page would. The next sign-in asks for consent
// again.
func (l *Ledger) RevokePerson(person string) {
	p := l.people.Find(person)
	if p == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revokeGrant(p.Name)
	l.log.Note("revoked", p.Name, "%s took the app's access away on the provider's account page", p.GivenName())
}

// RevokeAll is RevokePerson for everybody.
func (l *Ledger) RevokeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.people.all() {
		l.revokeGrant(p.Name)
	}
	l.log.Note("revoked", "", "everybody took the app's access away on the provider's account page")
}

// revokeGrant ends all families of a person and forgets the consent. l.mu is held.
func (l *Ledger) revokeGrant(person string) {
	for fam := range l.families[person] {
		l.end(fam, "revoked")
	}
	delete(l.grants, person)
}

// ExpireAll makes every access token invalid now. No notice goes out: the APIs answer 401.
func (l *Ledger) ExpireAll() {
	l.expire(func(*family) bool { return true })
	l.log.Note("expired", "", "all access tokens are invalid from now on; no notice went out")
}

// ExpirePerson is ExpireAll for one person.
func (l *Ledger) ExpirePerson(person string) {
	p := l.people.Find(person)
	if p == nil {
		return
	}
	l.expire(func(f *family) bool { return f.person.Name == p.Name })
	l.log.Note("expired", p.Name, "%s's access tokens are invalid from now on; no notice went out", p.GivenName())
}

func (l *Ledger) expire(of func(*family) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for value, a := range l.access {
		if of(a.family) {
			delete(l.access, value)
			delete(a.family.access, value)
		}
	}
}

// Live says how many refresh tokens of a person are good now.
func (l *Ledger) Live(person string) int {
	p := l.people.Find(person)
	if p == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for fam := range l.families[p.Name] {
		if fam.dead == "" {
			n += len(fam.live)
		}
	}
	return n
}

// Tokens are what Issue gives.
type Tokens struct {
	Access, Refresh string
	Expiry          time.Time
}

// Issue makes a family of tokens without a flow, for tests of what comes after one.
func (l *Ledger) Issue(person string, scopes ...string) (Tokens, bool) {
	p := l.people.Find(person)
	if p == nil {
		return Tokens{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	scopes = l.habits.canonical(scopes)
	l.grants[p.Name] = union(l.grants[p.Name], scopes)
	fam := l.newFamily(&code{flow: &flow{person: p}, scopes: scopes})
	defer l.dropOldest(p)
	return Tokens{Access: l.newAccess(fam), Refresh: l.newRefresh(fam), Expiry: l.now().Add(l.cfg.TokenLifetime)}, true
}

// Kept is how many access tokens, refresh tokens (used ones too) and families are held, good ones and others.
func (l *Ledger) Kept() (access, refresh, families int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, of := range l.families {
		families += len(of)
	}
	return len(l.access), len(l.refresh), families
}
