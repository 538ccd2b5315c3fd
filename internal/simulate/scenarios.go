package simulate

import "bff/internal/simulate/standin"

// scenarios are those for the provider: first those that depend on what its file says.
func (p *played) scenarios() []scenario {
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
