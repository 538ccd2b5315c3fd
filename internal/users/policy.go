package users

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

var (
	// ErrNotAllowed says that this person may not sign in: no rule of users.allow is for them, or the hook said 403.
	ErrNotAllowed = errors.New("users: this person may not sign in")
	// ErrHookFailed says that the hook did not answer, or not in the form that is agreed.
	ErrHookFailed = errors.New("users: the hook did not answer as agreed")
)

// Config is what the operator wrote.
type Config struct {
	Allow  []string            // users.allow; everybody where empty
	Rights map[string][]string // users.rights: right to rules
	Claims map[string][]string // provider to the paths of its `rights`
	Hook   *Hook               // nil: there is none
	Log    *slog.Logger        // required
}

// A Policy decides by a Config. It is safe for concurrent use.
type Policy struct {
	allow  []Rule
	rights map[string][]Rule
	claims map[string][]string
	hook   *Hook
	log    *slog.Logger
}

// NewPolicy reads the rules. The error names the first that does not parse.
func NewPolicy(c Config) (*Policy, error) {
	p := &Policy{rights: map[string][]Rule{}, claims: c.Claims, hook: c.Hook, log: c.Log}
	for _, line := range c.Allow {
		rule, err := ParseAllow(line)
		if err != nil {
			return nil, fmt.Errorf("users.allow: %q: %w", line, err)
		}
		p.allow = append(p.allow, rule)
	}
	for right, lines := range c.Rights {
		if err := CheckRight(right); err != nil {
			return nil, fmt.Errorf("users.rights: %q: %w", right, err)
		}
		p.rights[right] = []Rule{}
		for _, line := range lines {
			rule, err := ParseGrant(line)
			if err != nil {
				return nil, fmt.Errorf("users.rights.%s: %q: %w", right, line, err)
			}
			p.rights[right] = append(p.rights[right], rule)
		}
	}
	for provider, paths := range c.Claims {
		for _, path := range paths {
			if err := CheckClaim(path); err != nil {
				return nil, fmt.Errorf("providers.%s.rights: %q: %w", provider, path, err)
			}
		}
	}
	if c.Hook != nil && (c.Hook.Endpoint.Key.IsZero() || c.Hook.Sender == nil) {
		return nil, errors.New("users.hook: it has no secret or no sender")
	}
	return p, nil
}

// Everybody is the policy of a configuration that says nothing: everybody may sign in, and nobody has a right.
func Everybody(log *slog.Logger) *Policy { return &Policy{log: log} }

// HasHook reports whether a hook is asked.
func (p *Policy) HasHook() bool { return p.hook != nil }

// Names returns every right that the configuration names, sorted.
func (p *Policy) Names() []string {
	all := slices.Collect(maps.Keys(p.rights))
	for _, r := range p.allow {
		if name := r.Right(); name != "" {
			all = append(all, name)
		}
	}
	return Union(all)
}

// Known is what is known of the user who signs in. The zero Known is a user without rights or answers.
type Known struct {
	Admin []string // set by an administrator
	Hook  *Said    // the hook's last answer, nil when it never gave one
}

// A Decision is what a sign-in changes of a user.
type Decision struct {
	Rights []string // of the account, by rules and claims: sorted, never nil
	Hook   *Said    // the hook's answer, the last known one where it failed and may; nil without any
}

// SignIn decides whether p may sign in, and with which rights. The hook is asked only where its answer can change
// something. The error is ErrNotAllowed, ErrHookFailed (both perhaps wrapped by a *Refusal), or that of a cancelled
// ctx.
func (p *Policy) SignIn(ctx context.Context, who Person, known Known) (Decision, error) {
	admitted, byRights := p.admits(&who)
	if !admitted && !byRights {
		return Decision{}, ErrNotAllowed
	}
	d := Decision{Rights: p.Rights(who), Hook: known.Hook}
	if p.hook != nil {
		said, err := p.hook.ask(ctx, who)
		switch {
		case ctx.Err() != nil:
			return Decision{}, ctx.Err()
		case err == nil:
			d.Hook = said
		case errors.Is(err, ErrNotAllowed) || p.hook.Required:
			return Decision{}, err
		default:
			p.log.Warn("the hook failed; the last known answer counts", "error", err)
		}
	} else {
		d.Hook = nil // an answer of a hook that was taken out of the configuration gives nothing
	}
	if !admitted && !p.admittedBy(d.All(known.Admin)) {
		return Decision{}, ErrNotAllowed
	}
	return d, nil
}

// All is the union of what was decided and what an administrator set.
func (d Decision) All(admin []string) []string {
	if d.Hook == nil {
		return Union(d.Rights, admin)
	}
	return Union(d.Rights, admin, d.Hook.Rights)
}

// admits reports whether a rule admits p by what is known before any right is, and whether there are rules that look at
// rights.
func (p *Policy) admits(who *Person) (admitted, byRights bool) {
	for _, r := range p.allow {
		byRights = byRights || r.kind == byRight
		admitted = admitted || r.matches(who)
	}
	return admitted || len(p.allow) == 0, byRights
}

func (p *Policy) admittedBy(rights []string) bool {
	return slices.ContainsFunc(p.allow, func(r Rule) bool {
		return r.kind == byRight && slices.Contains(rights, r.value)
	})
}

// Rights returns the rights that an account has by rules and by its provider's claims: at a sign-in, and when a refresh
// brought new claims. They are sorted; the result is never nil.
func (p *Policy) Rights(who Person) []string {
	all := []string{}
	for right, rules := range p.rights {
		if slices.ContainsFunc(rules, func(r Rule) bool { return r.matches(&who) }) {
			all = append(all, right)
		}
	}
	var claimed []string
	for _, path := range p.claims[who.Provider] {
		claimed = append(claimed, claimStrings(who.Claims, path)...)
	}
	all = Union(all, claimed)
	if len(all) > MaxRights {
		p.log.Warn("an account has more rights than can be kept; the rest is dropped", "provider", who.Provider)
		all = all[:MaxRights]
	}
	return all
}

// ClaimNames returns the claims, by their first name, that the rights of a provider's accounts depend on, sorted. A
// refresh whose ID token lacks one of them has to ask userinfo before Rights is called: absent is not empty.
func (p *Policy) ClaimNames(provider string) []string {
	paths := slices.Clone(p.claims[provider])
	for _, rules := range p.rights {
		for _, r := range rules {
			switch r.kind {
			case byClaim:
				paths = append(paths, r.path)
			case byEmail:
				paths = append(paths, "email")
			}
		}
	}
	for i := range paths {
		// A name such as https://example.com/roles holds dots itself.
		if !strings.Contains(paths[i], "/") {
			paths[i], _, _ = strings.Cut(paths[i], ".")
		}
	}
	return Union(paths)
}
