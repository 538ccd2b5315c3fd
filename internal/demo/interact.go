package demo

import (
	"net/http"
	"slices"
)

// browserOf knows a browser by its cookie, and gives it one. The name holds the port, for cookies are shared between
// the ports of a host.
func (d *Demo) browserOf(w http.ResponseWriter, r *http.Request) (string, *browser) {
	name := d.browserCookie()
	if c, err := r.Cookie(name); err == nil {
		d.mu.Lock()
		b, ok := d.browsers.get(c.Value)
		d.mu.Unlock()
		if ok {
			return c.Value, b
		}
	}
	id, b := random(24), &browser{sids: map[string]string{}, form: random(16)}
	d.mu.Lock()
	d.browsers.put(id, b)
	d.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: name, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return id, b
}

func (d *Demo) browserCookie() string { return "demo_browser_" + d.provider.number() }

// theFlow finds the flow that a form or a page belongs to. It must be this browser's and young.
func (d *Demo) theFlow(w http.ResponseWriter, r *http.Request) (string, *flow, *browser) {
	c, err := r.Cookie(d.browserCookie())
	if err == nil && r.ParseForm() == nil {
		name := r.Form.Get("flow")
		d.mu.Lock()
		f, waiting := d.flows.get(name)
		b, known := d.browsers.get(c.Value)
		d.mu.Unlock()
		if waiting && known && c.Value == f.browser && d.cfg.Now().Before(f.began.Add(flowLifetime)) {
			return name, f, b
		}
	}
	d.showError(
		w,
		http.StatusBadRequest,
		"expired",
		"This sign-in is no longer waiting. Go back to the app and start again.",
	)
	return "", nil, nil
}

// serveChoose takes the person that was picked.
func (d *Demo) serveChoose(w http.ResponseWriter, r *http.Request) {
	name, f, b := d.theFlow(w, r)
	if f == nil {
		return
	}
	if r.PostForm.Get("cancel") != "" {
		d.deny(w, r, name, f)
		return
	}
	p := d.find(r.PostForm.Get("person"))
	if p == nil {
		d.showError(w, http.StatusBadRequest, "unknown", "Nobody here has that name.")
		return
	}
	d.mu.Lock()
	if b.sids[p.Name] == "" {
		b.sids[p.Name] = random(16)
	}
	b.last, f.person = p.Name, p
	d.mu.Unlock()
	d.proceed(w, r, name, f)
}

// serveConsentPage shows what the app asks for.
func (d *Demo) serveConsentPage(w http.ResponseWriter, r *http.Request) {
	name, f, _ := d.theFlow(w, r)
	switch {
	case f == nil:
		return
	case f.person == nil:
		d.showError(w, http.StatusBadRequest, "unknown", "Nobody was picked yet.")
		return
	}
	d.showConsent(w, name, f)
}

// serveConsent takes what was ticked. Scopes that say who somebody is cannot be unticked.
func (d *Demo) serveConsent(w http.ResponseWriter, r *http.Request) {
	name, f, _ := d.theFlow(w, r)
	switch {
	case f == nil:
		return
	case f.person == nil:
		d.showError(w, http.StatusBadRequest, "unknown", "Nobody was picked yet.")
		return
	case r.PostForm.Get("allow") == "":
		d.deny(w, r, name, f)
		return
	case !d.take(name): // sent twice
		d.showError(
			w,
			http.StatusBadRequest,
			"expired",
			"This sign-in is no longer waiting. Go back to the app and start again.",
		)
		return
	}
	granted := slices.DeleteFunc(slices.Clone(f.scopes), func(s string) bool {
		return d.canUntick(f.scopes, s) && !slices.Contains(r.PostForm["scope"], s)
	})
	d.finish(w, r, f, granted, true)
}

// canUntick is Google's granular consent: with a single scope it is all or nothing.
func (d *Demo) canUntick(asked []string, s string) bool {
	return d.habits.Granular && len(asked) > 1 && !signInScope(s)
}

func (d *Demo) deny(w http.ResponseWriter, r *http.Request, name string, f *flow) {
	d.take(name)
	who := ""
	if f.person != nil {
		who = f.person.Name
	}
	d.tell("denied", who, "the person said no")
	d.sendBack(w, r, f.request, map[string][]string{"error": {"access_denied"}})
}
