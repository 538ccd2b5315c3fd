package provider

import (
	"bff/internal/demo/journal"
)

// A tokenError is a refusal of RFC 6749 section 5.2.
type tokenError struct{ code, description string }

// An issue is what a grant brought.
type issue struct {
	family          *family
	nonce           string
	access, refresh string
}

// exchange is the authorization_code grant: the code once, with the same redirect URI and PKCE. A second use ends what
// the first one brought (RFC 6749 section 4.1.2).
func (l *Ledger) exchange(value, redirect, verifier string) (issue, *tokenError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.codes.Get(value)
	if !ok || l.now().After(c.expires) {
		return issue{}, &tokenError{"invalid_grant", "Malformed auth code."}
	}
	if c.used {
		if c.family != nil {
			l.end(c.family, "code used twice")
		}
		l.log.Count(c.flow.person.Name, func(n *journal.Counts) { n.Reuses++ })
		l.log.Note("reuse", c.flow.person.Name, "a code came a second time: what the first use brought is revoked")
		return issue{}, &tokenError{"invalid_grant", "Bad Request"}
	}
	c.used = true
	if redirect != c.flow.redirect || !verifies(c.flow.challenge, verifier) {
		return issue{}, &tokenError{"invalid_grant", "Bad Request"}
	}
	fam := l.newFamily(c)
	c.family = fam
	out, who := issue{family: fam, nonce: c.flow.nonce, access: l.newAccess(fam)}, fam.person
	if !l.wantsRefresh(c) {
		l.log.Note("exchange", who.Name, "%s's code became tokens, but no refresh token: that comes with a first consent",
			who.GivenName())
		return out, nil
	}
	out.refresh = l.newRefresh(fam)
	l.dropOldest(who)
	l.log.Note("exchange", who.Name, "%s's code became tokens: an access token for %s, a refresh token, an ID token",
		who.GivenName(), l.cfg.TokenLifetime)
	return out, nil
}

// renew is the refresh_token grant, RFC 6749 section 6.
func (l *Ledger) renew(old string, scopes []string) (issue, *tokenError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fam := l.refresh[old]
	if fam == nil || !l.usable(fam, old) {
		return issue{}, &tokenError{"invalid_grant", "Token has been expired or revoked."}
	}
	if !covers(fam.scopes, scopes) {
		return issue{}, &tokenError{"invalid_scope", "More than was granted."}
	}
	if l.habits.OldAccessDies {
		for value := range fam.access {
			delete(l.access, value)
		}
		clear(fam.access)
	}
	out, rotated := issue{family: fam, access: l.newAccess(fam)}, ""
	if l.habits.Rotate {
		if !l.habits.OldRefreshLives {
			delete(fam.live, old)
			fam.used[old] = l.now()
		}
		out.refresh, rotated = l.newRefresh(fam), " and the refresh token was replaced"
	}
	fam.refreshes++
	l.log.Count(fam.person.Name, func(c *journal.Counts) { c.Refreshes++ })
	l.log.Note("refresh", fam.person.Name, "%s's access token was renewed (no. %d of this sign-in)%s",
		fam.person.GivenName(), fam.refreshes, rotated)
	return out, nil
}

// usable says whether a refresh token is good, and ends its family when it is a used one (RFC 9700 section 4.14.2).
// l.mu is held.
func (l *Ledger) usable(fam *family, token string) bool {
	if fam.dead != "" {
		return false
	}
	if issued, ok := fam.live[token]; ok {
		return l.habits.RefreshLifetime == 0 || l.now().Before(issued.Add(l.habits.RefreshLifetime))
	}
	used, ok := fam.used[token]
	if !ok {
		return false
	}
	if l.habits.ReuseLeeway > 0 && l.now().Before(used.Add(l.habits.ReuseLeeway)) {
		return true
	}
	l.log.Count(fam.person.Name, func(c *journal.Counts) { c.Reuses++ })
	if l.habits.ReuseSpares {
		l.log.Note("reuse", fam.person.Name, "a used refresh token came back and was refused")
		return false
	}
	l.end(fam, "reuse")
	l.log.Note("reuse", fam.person.Name, "a used refresh token came back: everything of that sign-in is revoked")
	return false
}

// revoke ends what a token belongs to, or all that its person granted. An unknown token is fine.
func (l *Ledger) revoke(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fam := l.refresh[token]
	if a := l.access[token]; a != nil {
		fam = a.family
	}
	if fam == nil || fam.dead != "" {
		l.log.Note("revocation", "", "a token that is not known here was revoked")
		return
	}
	if l.habits.RevokeTakes == RevokeTakesGrant {
		l.revokeGrant(fam.person.Name)
		l.log.Note(
			"revocation",
			fam.person.Name,
			"the app gave %s's grant back: all its tokens are dead",
			fam.person.GivenName(),
		)
	} else {
		l.end(fam, "revoked")
		l.log.Note("revocation", fam.person.Name, "the app gave %s's tokens back", fam.person.GivenName())
	}
	l.log.Count(fam.person.Name, func(c *journal.Counts) { c.Revocations++ })
}

// find returns a good access token: known, alive and not expired.
func (l *Ledger) find(token string) (*accessToken, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.access[token]
	if a == nil || a.family.dead != "" || !l.now().Before(a.expires) {
		return nil, false
	}
	return a, true
}
