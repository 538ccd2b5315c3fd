package simulate

import (
	"slices"
	"strings"
	"time"

	"bff/internal/simulate/standin"
)

// runTimeout bounds one scenario.
const runTimeout = 60 * time.Second

// A scenario is something that happens between people, bff and a provider. It went well when what happened is what was
// expected, to the letter.
type scenario struct {
	name, expected string
	run            func(*trial) string
	refused        func(*trial) bool // whether nobody listens at the provider now
	other          bool              // the operator configured another credential than the stand-in knows
	fact           bool              // it shows whether the file says what the provider is
	core           bool              // recorded answers decide it most of all
	shows          []string          // the beginnings of those keys that it, most of all, shows to be wrong
}

// scenarios are those for the provider that is played: first those that depend on what its file says.
func (st *simulation) scenarios() []scenario {
	p := st.played
	model, wrong := standin.New(standin.Config{File: p.file, Answers: p.answers}), &misbehaviours{p}
	if p.file.Operated() {
		return (&application{p}).all(model)
	}
	all := (&facts{p}).all(model)
	if p.file.Typed() {
		return append(all, typed(p.file.Userinfo.URL != "")...)
	}
	all = append(all, (&people{p}).all(model)...)
	all = append(all, callbacks()...)
	all = append(all, wrong.exchanges()...)
	all = append(all, wrong.refreshes()...)
	all = append(all, wrong.grants()...)
	if p.file.Issuer != "" {
		all = append(all, wrong.openID()...)
	}
	if p.asksUserinfo() {
		all = append(all, wrong.userinfo()...)
	}
	if model.Has(standin.Revocation) {
		all = append(all, revocations()...)
	}
	return append(all, apis()...)
}

// first sorts scenarios so that those which show most of a key come first.
func first(all []scenario, key string) []scenario {
	rank := func(sc scenario) int {
		if slices.ContainsFunc(sc.shows, func(of string) bool { return strings.HasPrefix(key, of) }) {
			return 0
		}
		return 1
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b scenario) int { return rank(a) - rank(b) })
	return all
}
