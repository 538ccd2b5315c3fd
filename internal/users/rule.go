package users

import (
	"errors"
	"fmt"
	"strings"
)

// A Person is who signs in: an account at a provider, as its claims tell.
type Person struct {
	ID            string // of the user, "u_…"
	New           bool   // no user had this identity until now
	Provider      string
	Subject       string
	Email         string
	EmailVerified bool
	Name          string
	Picture       string
	Claims        map[string]any // of ID token and userinfo, as they were decoded from JSON
}

// A Rule is one line of users.allow or users.rights. The zero Rule matches nobody.
type Rule struct {
	kind  kind
	value string // of a claim: what it must hold
	path  string // of a claim
}

type kind int

const (
	never kind = iota
	byEmail
	byDomain
	byClaim
	byProvider
	byRight
)

// ParseAllow reads a line of users.allow: domain:, email: or right:.
func ParseAllow(line string) (Rule, error) {
	return parse(line, "domain:example.com, email:ada@example.com or right:staff", byDomain, byEmail, byRight)
}

// ParseGrant reads a line below a right in users.rights: email:, claim: or provider:.
func ParseGrant(line string) (Rule, error) {
	return parse(line, "email:ada@example.com, claim:groups=admins or provider:acme", byEmail, byClaim, byProvider)
}

func parse(line, examples string, kinds ...kind) (Rule, error) {
	word, rest, ok := strings.Cut(line, ":")
	for _, k := range kinds {
		if ok && word == k.word() {
			return k.rule(rest)
		}
	}
	return Rule{}, fmt.Errorf("write %s", examples)
}

func (k kind) word() string {
	return [...]string{"", "email", "domain", "claim", "provider", "right"}[k]
}

func (k kind) rule(rest string) (Rule, error) {
	switch k {
	case byEmail:
		if _, _, ok := splitEmail(rest); !ok {
			return Rule{}, errors.New("what follows email: is not a plain address such as ada@example.com")
		}
		return Rule{kind: k, value: lower(rest)}, nil
	case byDomain:
		if _, _, ok := splitEmail("a@" + rest); !ok {
			return Rule{}, errors.New("what follows domain: is not a domain such as example.com")
		}
		return Rule{kind: k, value: lower(rest)}, nil
	case byClaim:
		path, value, ok := strings.Cut(rest, "=")
		if !ok || value == "" {
			return Rule{}, errors.New("a claim is compared with a value: claim:groups=admins")
		}
		if err := CheckClaim(path); err != nil {
			return Rule{}, err
		}
		return Rule{kind: k, path: path, value: value}, nil
	case byRight:
		return Rule{kind: k, value: rest}, CheckRight(rest)
	case byProvider:
		if rest == "" || strings.TrimSpace(rest) != rest {
			return Rule{}, errors.New("name a provider of this file: provider:acme")
		}
		return Rule{kind: k, value: rest}, nil
	}
	return Rule{}, errors.New("no rule is of this kind")
}

// Provider returns the provider that the rule names, "" when it names none, so that configuration can check it.
func (r Rule) Provider() string {
	if r.kind == byProvider {
		return r.value
	}
	return ""
}

// Right returns the right that the rule asks for, "" when it asks for none.
func (r Rule) Right() string {
	if r.kind == byRight {
		return r.value
	}
	return ""
}

// matches reports whether the rule is for p, by what is known before any right is.
func (r Rule) matches(p *Person) bool {
	switch r.kind {
	case byEmail:
		_, _, plain := splitEmail(p.Email)
		return p.EmailVerified && plain && lower(p.Email) == r.value
	case byDomain:
		_, domain, plain := splitEmail(p.Email)
		return p.EmailVerified && plain && lower(domain) == r.value
	case byClaim:
		return claimHolds(p.Claims, r.path, r.value)
	case byProvider:
		return p.Provider == r.value
	}
	return false
}

const maxEmail = 254 // bytes, RFC 5321 section 4.5.3.1 as read by RFC 3696 erratum 1690

// splitEmail splits an address of the plain form. Quoted local parts, comments, several @ and anything that is not a
// visible character are refused: two programs may read them differently.
func splitEmail(email string) (local, domain string, ok bool) {
	if len(email) > maxEmail || strings.Count(email, "@") != 1 {
		return "", "", false
	}
	local, domain, _ = strings.Cut(email, "@")
	if local == "" || domain == "" || strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") {
		return "", "", false
	}
	if strings.ContainsAny(email, "\"(),:;<>[\\]") || !visible(email) || strings.Contains(email, " ") {
		return "", "", false
	}
	return local, domain, true
}

// lower folds ASCII only: Unicode's folding makes other letters equal to ASCII ones (the Kelvin sign and k).
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
