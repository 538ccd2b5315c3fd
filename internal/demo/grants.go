package demo

import (
	"slices"
	"time"
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

// newCode issues a code and remembers what was granted.
func (d *Demo) newCode(f *flow, granted []string, consented bool) string {
	value := "4/" + random(48)
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.grants[f.person.Name]
	d.grants[f.person.Name] = union(before, granted)
	scopes := granted
	if f.include && d.habits.IncludeGranted {
		scopes = union(granted, before)
	}
	d.codes.put(value, &code{flow: f, scopes: scopes, consented: consented, expires: d.cfg.Now().Add(d.cfg.CodeLifetime)})
	d.count(f.person.Name, func(c *Counts) { c.SignIns++ })
	if consented {
		d.note("consent", f.person.Name, "%s agreed to %d of %d scopes", f.person.GivenName(), len(granted), len(f.scopes))
	}
	d.note("sign-in", f.person.Name, "%s signed in; a code is on its way back", f.person.GivenName())
	d.issued("code", value)
	return value
}

func (d *Demo) issued(kind, value string) {
	if d.cfg.Issued != nil {
		d.cfg.Issued(kind, value)
	}
}

// newFamily starts the tokens of a code. d.mu is held.
func (d *Demo) newFamily(c *code) *family {
	fam := &family{person: c.flow.person, scopes: c.scopes, born: d.cfg.Now(),
		live: map[string]time.Time{}, used: map[string]time.Time{}, access: map[string]struct{}{}}
	if b, ok := d.browsers.get(c.flow.browser); ok {
		fam.sid = b.sids[fam.person.Name]
	}
	of := d.families[fam.person.Name]
	if of == nil {
		of = map[*family]struct{}{}
		d.families[fam.person.Name] = of
	}
	of[fam] = struct{}{}
	return fam
}

// wantsRefresh decides whether a code brings a refresh token.
func (d *Demo) wantsRefresh(c *code) bool {
	switch d.habits.RefreshTokens {
	case RefreshNever:
		return false
	case RefreshOnConsent:
		return c.flow.offline && c.consented
	case RefreshOnScope:
		return slices.Contains(c.scopes, "offline_access")
	}
	return true
}

// newAccess issues an access token of a family. d.mu is held.
func (d *Demo) newAccess(fam *family) string {
	bytes := d.habits.AccessBytes
	if bytes == 0 {
		bytes = 160
	}
	value, now := "ya29."+random(bytes), d.cfg.Now()
	d.access[value] = &accessToken{family: fam, scopes: fam.scopes, expires: now.Add(d.cfg.TokenLifetime)}
	fam.access[value] = struct{}{}
	d.count(fam.person.Name, func(c *Counts) { c.Issued++ })
	d.issued("access_token", value)
	d.prune(now)
	return value
}

// prune forgets expired access tokens, dead families, and refresh tokens that were used up a day ago, each time all
// of it has doubled. d.mu is held.
func (d *Demo) prune(now time.Time) {
	if len(d.access)+len(d.refresh) < d.pruneAt {
		return
	}
	for value, a := range d.access {
		if now.After(a.expires.Add(time.Minute)) {
			delete(d.access, value)
			delete(a.family.access, value)
		}
	}
	for value, fam := range d.refresh {
		if at, used := fam.used[value]; fam.dead != "" || used && now.After(at.Add(24*time.Hour)) {
			delete(d.refresh, value)
			delete(fam.used, value)
		}
	}
	for _, of := range d.families {
		for fam := range of {
			if len(fam.access)+len(fam.live)+len(fam.used) == 0 {
				delete(of, fam)
			}
		}
	}
	d.pruneAt = max(10_000, 2*(len(d.access)+len(d.refresh)))
}

// newRefresh issues a refresh token of a family. d.mu is held.
func (d *Demo) newRefresh(fam *family) string {
	value := "1//" + random(72)
	fam.live[value] = d.cfg.Now()
	d.refresh[value] = fam
	d.issued("refresh_token", value)
	return value
}

// dropOldest keeps Google's cap of live refresh tokens for a person and client: the oldest sign-in loses its own
// without a word. d.mu is held.
func (d *Demo) dropOldest(person *Person) {
	if d.habits.MaxRefresh == 0 {
		return
	}
	n := 0
	var oldest *family
	for fam := range d.families[person.Name] {
		if fam.dead != "" || len(fam.live) == 0 {
			continue
		}
		n++
		if oldest == nil || fam.born.Before(oldest.born) {
			oldest = fam
		}
	}
	if n > d.habits.MaxRefresh {
		d.end(oldest, "dropped")
		d.note(
			"dropped",
			person.Name,
			"%s has more than %d refresh tokens: the oldest was dropped",
			person.GivenName(),
			d.habits.MaxRefresh,
		)
	}
}

// end kills a family: no token of it is good any more. d.mu is held.
func (d *Demo) end(fam *family, why string) {
	if fam.dead != "" {
		return
	}
	fam.dead = why
	for value := range fam.access {
		delete(d.access, value)
	}
	clear(fam.access)
	delete(d.families[fam.person.Name], fam)
}

// RevokePerson takes away everything a person granted, as their account page would. The next sign-in asks for consent
// again.
func (d *Demo) RevokePerson(person string) {
	p := d.find(person)
	if p == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.revokeGrant(p.Name)
	d.note("revoked", p.Name, "%s took the app's access away on the provider's account page", p.GivenName())
}

// RevokeAll is RevokePerson for everybody.
func (d *Demo) RevokeAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.people {
		d.revokeGrant(p.Name)
	}
	d.note("revoked", "", "everybody took the app's access away on the provider's account page")
}

// revokeGrant ends all families of a person and forgets the consent. d.mu is held.
func (d *Demo) revokeGrant(person string) {
	for fam := range d.families[person] {
		d.end(fam, "revoked")
	}
	delete(d.grants, person)
}

// ExpireAll makes every access token invalid now. Nobody is told: the APIs answer 401.
func (d *Demo) ExpireAll() {
	d.expire(func(*family) bool { return true })
	d.tell("expired", "", "all access tokens are invalid from now on; nobody was told")
}

// ExpirePerson is ExpireAll for one person.
func (d *Demo) ExpirePerson(person string) {
	p := d.find(person)
	if p == nil {
		return
	}
	d.expire(func(f *family) bool { return f.person.Name == p.Name })
	d.tell("expired", p.Name, "%s's access tokens are invalid from now on; nobody was told", p.GivenName())
}

func (d *Demo) expire(of func(*family) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for value, a := range d.access {
		if of(a.family) {
			delete(d.access, value)
			delete(a.family.access, value)
		}
	}
}

// Live says how many refresh tokens of a person are good now.
func (d *Demo) Live(person string) int {
	p := d.find(person)
	if p == nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for fam := range d.families[p.Name] {
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
func (d *Demo) Issue(person string, scopes ...string) (Tokens, bool) {
	p := d.find(person)
	if p == nil {
		return Tokens{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	scopes = d.habits.canonical(scopes)
	d.grants[p.Name] = union(d.grants[p.Name], scopes)
	fam := d.newFamily(&code{flow: &flow{person: p}, scopes: scopes})
	defer d.dropOldest(p)
	return Tokens{Access: d.newAccess(fam), Refresh: d.newRefresh(fam), Expiry: d.cfg.Now().Add(d.cfg.TokenLifetime)}, true
}
