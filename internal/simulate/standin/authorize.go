package standin

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"

	"bff/internal/oauth/providers"
)

// Kinds of authorization requests, as the person who starts them means them.
const (
	SignIn  = "sign-in"
	Connect = "connect"
	Consent = "consent" // a sign-in once more, for a refresh token
	Repair  = "repair"  // both: a dead connection is linked anew
)

// A Choice is what a person does on the provider's page.
type Choice struct {
	Person string
	Only   []string         // scopes that are allowed; all that were asked for when nil
	Error  string           // sent back instead of a code
	Change func(url.Values) // alters the way back
	Claims func(claims)     // alters the ID token that the code brings
	Fields func(fields)     // alters the answer that the code brings
}

type (
	claims = map[string]any
	fields = map[string]any
)

// A WayBack is where the provider sends the browser.
type WayBack struct {
	Query url.Values
	Form  bool // by a form that posts itself (OAuth 2.0 Form Post Response Mode)
}

// A Page is where a person consents.
type Page struct {
	*played
	journal   *Journal
	grants    *Grants
	addresses *addresses
	people    *People
	shape     *shape
	scopes    *scopes
}

// Authorize plays a person at the authorization endpoint. The error is what its page would say.
func (s *Page) Authorize(address, kind string, choice Choice) (WayBack, error) {
	u, err := url.Parse(address)
	if err != nil {
		return WayBack{}, s.unable("the address does not parse")
	}
	q := s.shape.standardNames(u.Query())
	scopes, why := s.readAuthorization(u, q, kind)
	if why != "" {
		return WayBack{}, s.unable(why)
	}
	if choice.Only == nil {
		choice.Only = scopes
	}
	out := url.Values{"state": {q.Get("state")}}
	if iss := s.callbackIssuer(); iss != "" {
		out.Set("iss", iss)
	}
	if choice.Error != "" {
		out.Set("error", choice.Error)
	} else {
		s.addCode(out, q, choice)
	}
	if choice.Change != nil {
		choice.Change(out)
	}
	s.sign(out)
	return WayBack{Query: out, Form: q.Get("response_mode") == "form_post"}, nil
}

func (s *Page) unable(why string) error {
	s.journal.note(why)
	return fmt.Errorf("the provider's page says: %s", why)
}

// addCode makes a code and puts it, with what the file says of the way back, into the query.
func (s *Page) addCode(out, q url.Values, choice Choice) {
	value := "code-" + rand.Text()
	if a := s.cfg.Answers; a != nil && a.Callback != "" {
		recorded, _ := url.ParseQuery(a.callback())
		for name, values := range recorded {
			switch name {
			case "state", "iss", "hmac":
			case s.file.Shapes.Code():
				out.Set(name, value)
			default: // as it was recorded, one that goes by another name than `code` too
				out[name] = values
			}
		}
		if !recorded.Has(s.file.Shapes.Code()) { // it goes by another name than the file's
			value = recorded.Get("code") + recorded.Get("auth_code") + recorded.Get("authorization_code")
		}
	} else {
		s.callbackOf(out, value, choice.Person, choice.Only)
	}
	s.grants.authorize(value, &code{choice: choice, scopes: choice.Only, nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method")}, q)
}

// callbackOf is the way back as the file has it.
func (s *Page) callbackOf(out url.Values, value, person string, scopes []string) {
	out.Set(s.file.Shapes.Code(), value)
	if s.file.Authorization.GrantedScopes == "callback" {
		out.Set(cmp.Or(s.file.Shapes.GrantedParam, "scope"), s.scopes.join(scopes))
	}
	s.people.introduce(out, person)
}

// callbackIssuer is the `iss` of the way back, "" where there is none.
func (s *Page) callbackIssuer() string {
	if s.file.CallbackIssuer != "" {
		return s.file.CallbackIssuer
	}
	return s.file.Issuer
}

// readAuthorization compares a request with what the file says of it. why is what is wrong.
func (s *Page) readAuthorization(u *url.URL, q url.Values, kind string) (scopes []string, why string) {
	a, id := &s.file.Authorization, "client_id"
	if s.file.Client.IDParam != "" {
		id = s.file.Client.IDParam
	}
	switch {
	case !s.addresses.matches(s.urls[Authorization], u.Host, u):
		return nil, "there is no page at " + u.Host + u.Path
	case q.Get(id) != ClientID:
		return nil, "the parameter " + id + " is not the client's"
	case q.Get("redirect_uri") != s.cfg.Redirect:
		return nil, "the redirect URI is not registered"
	case q.Get("response_type") != cmp.Or(a.ResponseType, "code") || q.Get("state") == "":
		return nil, "response_type or state is missing"
	case a.PKCE == "off" && q.Has("code_challenge"):
		return nil, "code_challenge is not known here"
	case a.PKCE != "off" && (q.Get("code_challenge_method") != method(a.PKCE) || len(q.Get("code_challenge")) != 43):
		return nil, "code_challenge is missing, or not by " + method(a.PKCE)
	}
	if why := s.missingParam(q, kind); why != "" {
		return nil, why
	}
	return s.scopes.read(q)
}

// method is the code_challenge_method of a file's `pkce`.
func method(pkce string) string { return cmp.Or(pkce, "S256") }

// missingParam names a parameter of the file, or of a recorded request, that is not sent.
func (s *Page) missingParam(q url.Values, kind string) string {
	a := &s.file.Authorization
	wanted := []map[string]string{a.Params}
	if kind == Connect || kind == Repair {
		wanted = append(wanted, a.ConnectParams)
	}
	if kind == Consent || kind == Repair {
		wanted = append(wanted, a.ConsentParams)
	}
	for i, params := range wanted {
		for name, value := range params {
			if i == 0 && (a.ConsentParams[name] == q.Get(name) || a.ConnectParams[name] == q.Get(name)) && q.Has(name) {
				continue // laid over it
			}
			if q.Get(name) != value {
				return "the parameter " + name + "=" + value + " is missing"
			}
		}
	}
	for name := range s.recordedRequest() {
		if !q.Has(name) {
			return "the parameter " + name + " of the recorded request is missing"
		}
	}
	return ""
}

// recordedRequest are the parameters of a recorded authorization request that every one of this provider has.
func (s *Page) recordedRequest() url.Values {
	if s.cfg.Answers == nil || s.cfg.Answers.Authorization == "" {
		return nil
	}
	u, err := url.Parse(s.cfg.Answers.Authorization)
	if err != nil {
		return nil
	}
	q := u.Query()
	for _, optional := range []string{"nonce", "prompt", "login_hint", "code_challenge", "code_challenge_method", "access_type",
		"include_granted_scopes", "response_mode"} {
		q.Del(optional)
	}
	return q
}

// sign signs the way back, as the file's hooks check it.
func (s *Page) sign(out url.Values) {
	if !slices.Contains(s.file.Shapes.Hooks, providers.HookShopifyHMAC) {
		return
	}
	mac := hmac.New(sha256.New, []byte(ClientSecret))
	_, _ = mac.Write([]byte(out.Encode()))
	out.Set("hmac", hex.EncodeToString(mac.Sum(nil)))
}
