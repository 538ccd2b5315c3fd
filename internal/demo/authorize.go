package demo

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A request is a validated authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1).
type request struct {
	redirect, state, nonce, challenge string
	scopes, prompt                    []string
	hint                              string
	offline, include, formPost        bool
}

// A refusal is why a request was not valid. One without a redirect URI that can be trusted stays on the provider's
// page, as at Google.
type refusal struct {
	page              bool
	code, description string
}

// A flow is a request on its way through the pages, bound to one browser.
type flow struct {
	request
	browser string
	person  *Person // once picked
	began   time.Time
}

// A browser is one that was here before, known by a cookie: who is signed in, and the session id of each.
type browser struct {
	sids map[string]string // person -> sid
	last string
	form string // proves that a form came from a page of ours
}

const flowLifetime = 10 * time.Minute

// readRequest validates. The request holds redirect and state when the refusal may be sent back.
func (d *Demo) readRequest(q url.Values) (request, *refusal) {
	var req request
	onPage := func(code, text string) (request, *refusal) {
		return req, &refusal{page: true, code: code, description: text}
	}
	back := func(code, text string) (request, *refusal) { return req, &refusal{code: code, description: text} }
	req.redirect, req.state = q.Get("redirect_uri"), q.Get("state")
	d.mu.Lock()
	registered := slices.Contains(d.redirect, req.redirect)
	d.mu.Unlock()
	switch {
	case len(q["client_id"]) != 1 || q.Get("client_id") != d.ClientID:
		return onPage("invalid_client", "The OAuth client was not found.")
	case len(q["redirect_uri"]) != 1 || !registered:
		return onPage(
			"redirect_uri_mismatch",
			"The redirect URI in the request does not match the ones registered for this client.",
		)
	}
	for k, v := range q {
		if len(v) > 1 {
			return onPage("invalid_request", "A parameter is repeated: "+k)
		}
	}
	req.formPost = d.habits.FormPost || q.Get("response_mode") == "form_post"
	req.nonce, req.challenge, req.hint = q.Get("nonce"), q.Get("code_challenge"), q.Get("login_hint")
	req.scopes = d.habits.canonical(d.habits.split(q.Get("scope")))
	req.prompt = strings.Fields(q.Get("prompt"))
	req.offline = q.Get("access_type") == "offline"
	req.include = q.Get("include_granted_scopes") == "true"
	if !d.habits.NoIDToken && !d.habits.AnyScope && len(req.scopes) == 0 {
		return back("invalid_request", "Missing required parameter: scope")
	}
	for _, s := range req.scopes {
		if _, ok := describe(s); !ok && !d.habits.AnyScope &&
			(s != "offline_access" || d.habits.RefreshTokens == RefreshOnConsent) {
			return back("invalid_scope", "Some requested scopes were invalid.")
		}
	}
	switch {
	case q.Get("response_type") != "code":
		return back("unsupported_response_type", "Only response_type=code is offered.")
	case q.Has("request") || q.Has("request_uri"):
		return back("request_not_supported", "Request objects are not offered.")
	case q.Has("response_mode") && q.Get("response_mode") != "query" && q.Get("response_mode") != "form_post":
		return back("invalid_request", "The response mode is not offered.")
	case slices.Contains(req.prompt, "none") && len(req.prompt) > 1:
		return back("invalid_request", "prompt=none stands alone.")
	}
	if r := d.checkChallenge(q, req.challenge); r != nil {
		return req, r
	}
	return req, nil
}

// checkChallenge is RFC 7636 section 4.4.1: S256 and nothing else.
func (d *Demo) checkChallenge(q url.Values, challenge string) *refusal {
	switch {
	case d.habits.PKCE == PKCERejected && q.Has("code_challenge"):
		return &refusal{code: "invalid_request", description: "Unknown parameter: code_challenge"}
	case d.habits.PKCE == PKCERequired && challenge == "":
		return &refusal{code: "invalid_request", description: "Missing required parameter: code_challenge"}
	case challenge == "":
		return nil
	case q.Get("code_challenge_method") != "S256":
		return &refusal{code: "invalid_request", description: "The code challenge method is not offered."}
	case len(challenge) != 43:
		return &refusal{code: "invalid_request", description: "Invalid code challenge."}
	}
	return nil
}

func (d *Demo) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		d.showError(w, http.StatusBadRequest, "invalid_request", "The request cannot be read.")
		return
	}
	req, no := d.readRequest(r.Form)
	switch {
	case no != nil && no.page:
		d.tell("refused", "", "an authorization request was refused on the page: %s", no.code)
		d.showError(w, http.StatusBadRequest, no.code, no.description)
		return
	case no != nil:
		d.tell("refused", "", "an authorization request was refused: %s", no.code)
		d.sendBack(w, r, req, url.Values{"error": {no.code}, "error_description": {no.description}})
		return
	}
	id, b := d.browserOf(w, r)
	f := &flow{request: req, browser: id, began: d.cfg.Now()}
	if slices.Contains(req.prompt, "none") {
		d.silent(w, r, f, b)
		return
	}
	// A hint at somebody who is signed in here skips the page, unless it was asked for.
	if p := d.find(req.hint); p != nil && d.signedIn(b, p) && !slices.Contains(req.prompt, "select_account") {
		f.person = p
	}
	name := random(24)
	d.mu.Lock()
	d.flows.put(name, f)
	d.mu.Unlock()
	if f.person != nil {
		d.proceed(w, r, name, f)
		return
	}
	d.showPeople(w, name, f, b)
}

// silent answers prompt=none (OpenID Connect Core section 3.1.2.1): no page, whatever it takes.
func (d *Demo) silent(w http.ResponseWriter, r *http.Request, f *flow, b *browser) {
	d.mu.Lock()
	name := b.last
	d.mu.Unlock()
	p := d.find(name)
	if f.hint != "" {
		p = d.find(f.hint)
	}
	switch {
	case p == nil || !d.signedIn(b, p):
		d.sendBack(w, r, f.request, url.Values{"error": {"login_required"}})
	case d.needsConsent(p, f.request):
		d.sendBack(w, r, f.request, url.Values{"error": {"consent_required"}})
	default:
		f.person = p
		d.finish(w, r, f, f.scopes, false)
	}
}

func (d *Demo) signedIn(b *browser, p *Person) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return b != nil && b.sids[p.Name] != ""
}

// needsConsent: it was asked for, or something is asked that this person never granted to the client.
func (d *Demo) needsConsent(p *Person, req request) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	granted, ok := d.grants[p.Name]
	return slices.Contains(req.prompt, "consent") || !ok || !covers(granted, req.scopes)
}

// proceed goes on after a person was picked. The consent has an address of its own, so that a reload sends no form
// again.
func (d *Demo) proceed(w http.ResponseWriter, r *http.Request, name string, f *flow) {
	if d.needsConsent(f.person, f.request) {
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, "/o/oauth2/v2/consent?"+url.Values{"flow": {name}}.Encode(), http.StatusSeeOther)
		return
	}
	d.take(name)
	d.finish(w, r, f, f.scopes, false)
}

// take ends a flow. It is false for one that ended before.
func (d *Demo) take(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.flows.get(name)
	d.flows.remove(name)
	return ok
}

// finish makes a code for what was granted and sends the browser back with it.
func (d *Demo) finish(w http.ResponseWriter, r *http.Request, f *flow, granted []string, consented bool) {
	d.sendBack(w, r, f.request, url.Values{"code": {d.newCode(f, granted, consented)}})
}

// sendBack is RFC 6749 section 4.1.2 with iss of RFC 9207.
func (d *Demo) sendBack(w http.ResponseWriter, r *http.Request, req request, answer url.Values) {
	d.complete(req, answer)
	w.Header().Set("Cache-Control", "no-store")
	if req.formPost {
		d.showFormPost(w, req.redirect, answer)
		return
	}
	http.Redirect(w, r, backURL(req.redirect, answer), http.StatusSeeOther)
}

func (d *Demo) complete(req request, answer url.Values) {
	if req.state != "" {
		answer.Set("state", req.state)
	}
	if !d.habits.NoIss {
		answer.Set("iss", d.Issuer)
	}
}

func backURL(redirect string, answer url.Values) string {
	sep := "?"
	if strings.Contains(redirect, "?") {
		sep = "&"
	}
	return redirect + sep + answer.Encode()
}

// Approve plays a person without a browser: it goes through the pages of an authorization URL, grants everything but
// the scopes named in without, and returns the address that the browser would be sent back to. With prompt=none or a
// request that is refused, that address carries an error.
func (d *Demo) Approve(authURL, person string, without ...string) (string, error) {
	u, err := url.Parse(authURL)
	if err != nil || u.Scheme+"://"+u.Host != d.Issuer {
		return "", fmt.Errorf("approve: not an authorization URL of this provider")
	}
	p := d.find(person)
	if p == nil {
		return "", fmt.Errorf("approve: nobody here is called %q", person)
	}
	req, no := d.readRequest(u.Query())
	if no != nil && no.page {
		return "", fmt.Errorf("approve: the provider refuses the request: %s", no.code)
	}
	answer := url.Values{}
	f := &flow{request: req, person: p, began: d.cfg.Now(), browser: random(16)}
	switch {
	case no != nil:
		answer.Set("error", no.code)
	case slices.Contains(req.prompt, "none"):
		answer.Set("error", "login_required")
	default:
		d.mu.Lock()
		d.browsers.put(f.browser, &browser{sids: map[string]string{p.Name: random(16)}, last: p.Name, form: random(16)})
		d.mu.Unlock()
		consented := d.needsConsent(p, req)
		denied := d.habits.canonical(without)
		granted := slices.DeleteFunc(slices.Clone(req.scopes), func(s string) bool { return slices.Contains(denied, s) })
		answer.Set("code", d.newCode(f, granted, consented))
	}
	d.complete(req, answer)
	return backURL(req.redirect, answer), nil
}
