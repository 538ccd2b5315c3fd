package provider

import (
	"net/http"
	"slices"
)

// theFlow finds the flow that a form or a page belongs to, and answers where there is none.
func (a *authorization) theFlow(w http.ResponseWriter, r *http.Request) (string, *flow, *browser) {
	name, f, b := a.browsers.flowOf(r)
	if f == nil {
		a.pages.showError(w, http.StatusBadRequest, "expired", expired)
	}
	return name, f, b
}

// pickedFlow is theFlow once somebody was picked.
func (a *authorization) pickedFlow(w http.ResponseWriter, r *http.Request) (string, *flow) {
	name, f, _ := a.theFlow(w, r)
	if f != nil && f.person == nil {
		a.pages.showError(w, http.StatusBadRequest, "unknown", "Nobody was picked yet.")
		return name, nil
	}
	return name, f
}

const expired = "This sign-in is no longer waiting. Go back to the app and start again."

// serveChoose takes the person that was picked.
func (a *authorization) serveChoose(w http.ResponseWriter, r *http.Request) {
	name, f, b := a.theFlow(w, r)
	if f == nil {
		return
	}
	if r.PostForm.Get("cancel") != "" {
		a.deny(w, r, name, f)
		return
	}
	p := a.people.Find(r.PostForm.Get("person"))
	if p == nil {
		a.pages.showError(w, http.StatusBadRequest, "unknown", "Nobody here has that name.")
		return
	}
	a.browsers.pick(b, f, p)
	a.proceed(w, r, name, f)
}

// serveConsentPage shows what the app asks for.
func (a *authorization) serveConsentPage(w http.ResponseWriter, r *http.Request) {
	name, f := a.pickedFlow(w, r)
	if f == nil {
		return
	}
	before, _ := a.ledger.granted(f.person.Name)
	a.pages.showConsent(w, name, f, before, func(s string) bool { return a.canUntick(f.scopes, s) })
}

// serveConsent takes what was ticked. Scopes that say who somebody is cannot be unticked.
func (a *authorization) serveConsent(w http.ResponseWriter, r *http.Request) {
	name, f := a.pickedFlow(w, r)
	switch {
	case f == nil:
		return
	case r.PostForm.Get("allow") == "":
		a.deny(w, r, name, f)
		return
	case !a.browsers.take(name): // sent twice
		a.pages.showError(w, http.StatusBadRequest, "expired", expired)
		return
	}
	granted := slices.DeleteFunc(slices.Clone(f.scopes), func(s string) bool {
		return a.canUntick(f.scopes, s) && !slices.Contains(r.PostForm["scope"], s)
	})
	a.finish(w, r, f, granted, true)
}

// canUntick is Google's granular consent: with a single scope it is all or nothing.
func (a *authorization) canUntick(asked []string, s string) bool {
	return a.habits.Granular && len(asked) > 1 && !signInScope(s)
}

func (a *authorization) deny(w http.ResponseWriter, r *http.Request, name string, f *flow) {
	a.browsers.take(name)
	who := ""
	if f.person != nil {
		who = f.person.Name
	}
	a.log.Note("denied", who, "the person said no")
	a.sendBack(w, r, f.request, map[string][]string{"error": {"access_denied"}})
}
