package provider

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
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

// authorization is the authorization endpoint and the pages behind it.
type authorization struct {
	*common
	pages    *pages
	browsers *browsers
	ledger   *Ledger
}

// readRequest validates. The request holds redirect and state when the refusal may be sent back.
func (a *authorization) readRequest(q url.Values) (request, *refusal) {
	var req request
	onPage := func(code, text string) (request, *refusal) {
		return req, &refusal{page: true, code: code, description: text}
	}
	back := func(code, text string) (request, *refusal) { return req, &refusal{code: code, description: text} }
	req.redirect, req.state = q.Get("redirect_uri"), q.Get("state")
	switch {
	case len(q["client_id"]) != 1 || q.Get("client_id") != a.client.ClientID:
		return onPage("invalid_client", "The OAuth client was not found.")
	case len(q["redirect_uri"]) != 1 || !a.client.redirects(req.redirect):
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
	req.formPost = a.habits.FormPost || q.Get("response_mode") == "form_post"
	req.nonce, req.challenge, req.hint = q.Get("nonce"), q.Get("code_challenge"), q.Get("login_hint")
	req.scopes = a.habits.canonical(a.habits.split(q.Get("scope")))
	req.prompt = strings.Fields(q.Get("prompt"))
	req.offline = q.Get("access_type") == "offline"
	req.include = q.Get("include_granted_scopes") == "true"
	if !a.habits.NoIDToken && !a.habits.AnyScope && len(req.scopes) == 0 {
		return back("invalid_request", "Missing required parameter: scope")
	}
	for _, s := range req.scopes {
		if _, ok := describe(s); !ok && !a.habits.AnyScope &&
			(s != "offline_access" || a.habits.RefreshTokens == RefreshOnConsent) {
			return back("invalid_scope", "Some requested scopes were invalid.")
		}
	}
	if r := checkForm(q, req.prompt); r != nil {
		return req, r
	}
	return req, a.checkChallenge(q, req.challenge)
}

// checkForm refuses what of OAuth and OpenID Connect is not offered here.
func checkForm(q url.Values, prompt []string) *refusal {
	switch {
	case q.Get("response_type") != "code":
		return &refusal{code: "unsupported_response_type", description: "Only response_type=code is offered."}
	case q.Has("request") || q.Has("request_uri"):
		return &refusal{code: "request_not_supported", description: "Request objects are not offered."}
	case q.Has("response_mode") && q.Get("response_mode") != "query" && q.Get("response_mode") != "form_post":
		return &refusal{code: "invalid_request", description: "The response mode is not offered."}
	case slices.Contains(prompt, "none") && len(prompt) > 1:
		return &refusal{code: "invalid_request", description: "prompt=none stands alone."}
	}
	return nil
}

// checkChallenge is RFC 7636 section 4.4.1: S256 and nothing else.
func (a *authorization) checkChallenge(q url.Values, challenge string) *refusal {
	switch {
	case a.habits.PKCE == PKCERejected && q.Has("code_challenge"):
		return &refusal{code: "invalid_request", description: "Unknown parameter: code_challenge"}
	case a.habits.PKCE == PKCERequired && challenge == "":
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

func (a *authorization) serve(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		a.pages.showError(w, http.StatusBadRequest, "invalid_request", "The request cannot be read.")
		return
	}
	req, no := a.readRequest(r.Form)
	switch {
	case no != nil && no.page:
		a.log.Note("refused", "", "an authorization request was refused on the page: %s", no.code)
		a.pages.showError(w, http.StatusBadRequest, no.code, no.description)
		return
	case no != nil:
		a.log.Note("refused", "", "an authorization request was refused: %s", no.code)
		a.sendBack(w, r, req, url.Values{"error": {no.code}, "error_description": {no.description}})
		return
	}
	id, b := a.browsers.of(w, r)
	f := &flow{request: req, browser: id, began: a.now()}
	if slices.Contains(req.prompt, "none") {
		a.silent(w, r, f, b)
		return
	}
	// A hint at somebody who is signed in here skips the page, unless it was asked for.
	if p := a.people.Find(req.hint); p != nil && a.browsers.signedIn(b, p) &&
		!slices.Contains(req.prompt, "select_account") {
		f.person = p
	}
	name := a.browsers.begin(f)
	if f.person != nil {
		a.proceed(w, r, name, f)
		return
	}
	a.pages.showPeople(w, name, f, func(p *Person) bool { return a.browsers.signedIn(b, p) })
}

// silent answers prompt=none (OpenID Connect Core section 3.1.2.1): no page, whatever it takes.
func (a *authorization) silent(w http.ResponseWriter, r *http.Request, f *flow, b *browser) {
	p := a.browsers.lastAt(b)
	if f.hint != "" {
		p = a.people.Find(f.hint)
	}
	switch {
	case p == nil || !a.browsers.signedIn(b, p):
		a.sendBack(w, r, f.request, url.Values{"error": {"login_required"}})
	case a.needsConsent(p, f.request):
		a.sendBack(w, r, f.request, url.Values{"error": {"consent_required"}})
	default:
		f.person = p
		a.finish(w, r, f, f.scopes, false)
	}
}

// needsConsent: it was asked for, or something is asked that this person never granted to the client.
func (a *authorization) needsConsent(p *Person, req request) bool {
	granted, ok := a.ledger.granted(p.Name)
	return slices.Contains(req.prompt, "consent") || !ok || !covers(granted, req.scopes)
}

// proceed goes on after a person was picked. The consent has an address of its own, so that a reload sends no form
// again.
func (a *authorization) proceed(w http.ResponseWriter, r *http.Request, name string, f *flow) {
	if a.needsConsent(f.person, f.request) {
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, "/o/oauth2/v2/consent?"+url.Values{"flow": {name}}.Encode(), http.StatusSeeOther)
		return
	}
	a.browsers.take(name)
	a.finish(w, r, f, f.scopes, false)
}

// finish makes a code for what was granted and sends the browser back with it.
func (a *authorization) finish(w http.ResponseWriter, r *http.Request, f *flow, granted []string, consented bool) {
	a.sendBack(w, r, f.request, url.Values{"code": {a.ledger.newCode(f, granted, consented)}})
}

// sendBack is RFC 6749 section 4.1.2 with iss of RFC 9207.
func (a *authorization) sendBack(w http.ResponseWriter, r *http.Request, req request, answer url.Values) {
	a.complete(req, answer)
	w.Header().Set("Cache-Control", "no-store")
	if req.formPost {
		a.pages.showFormPost(w, req.redirect, answer)
		return
	}
	http.Redirect(w, r, backURL(req.redirect, answer), http.StatusSeeOther)
}

func (a *authorization) complete(req request, answer url.Values) {
	if req.state != "" {
		answer.Set("state", req.state)
	}
	if !a.habits.NoIss {
		answer.Set("iss", a.issuer)
	}
}

func backURL(redirect string, answer url.Values) string {
	sep := "?"
	if strings.Contains(redirect, "?") {
		sep = "&"
	}
	return redirect + sep + answer.Encode()
}

// approve is Provider.Approve.
func (a *authorization) approve(authURL, person string, without []string) (string, error) {
	u, err := url.Parse(authURL)
	if err != nil || u.Scheme+"://"+u.Host != a.issuer {
		return "", fmt.Errorf("approve: not an authorization URL of this provider")
	}
	p := a.people.Find(person)
	if p == nil {
		return "", fmt.Errorf("approve: nobody here is called %q", person)
	}
	req, no := a.readRequest(u.Query())
	if no != nil && no.page {
		return "", fmt.Errorf("approve: the provider refuses the request: %s", no.code)
	}
	answer := url.Values{}
	f := &flow{request: req, person: p, began: a.now()}
	switch {
	case no != nil:
		answer.Set("error", no.code)
	case slices.Contains(req.prompt, "none"):
		answer.Set("error", "login_required")
	default:
		f.browser = a.browsers.enter(p)
		consented := a.needsConsent(p, req)
		denied := a.habits.canonical(without)
		granted := slices.DeleteFunc(slices.Clone(req.scopes), func(s string) bool { return slices.Contains(denied, s) })
		answer.Set("code", a.ledger.newCode(f, granted, consented))
	}
	a.complete(req, answer)
	return backURL(req.redirect, answer), nil
}
