package app_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/oauth/providers"
	"bff/internal/testenv"
)

// addressed are the keys of a provider file that hold an address.
var addressed = regexp.MustCompile(`(?m)^([a-z_]+_url|issuer|callback_issuer): (['"]?)https://([^/\s'"]+)`)

// Every built-in provider, from the very file that ships, through the whole product: a person signs in, a call is
// made, a dead access token is refreshed, a dead grant is refused in the provider's own words and is needs_reauth with
// the reason that these words mean, and another person at the same provider is served right then.
func TestEveryBuiltinProviderThroughTheProduct(t *testing.T) {
	c := newCatalogue(t)
	r := walk(t, c)
	for name, p := range c.all {
		t.Run(name, func(t *testing.T) {
			ada, bob := r.visitor(t, name+"-ada"), r.visitor(t, name+"-bob")
			for _, v := range []*visitor{ada, bob} {
				v.signIn(p)
				v.want(p, http.StatusOK, "")
			}
			c.kill(bob.person + "-at")
			bob.want(p, http.StatusOK, "") // refreshed
			c.kill(ada.person)
			_, _, reason := refusal(p)
			ada.want(p, http.StatusForbidden, "needs_reauth")
			c.kill(bob.person + "-at")
			bob.want(p, http.StatusOK, "")
			if got := ada.reason(); got != reason {
				t.Errorf("the connection's reason is %q, not %q", got, reason)
			}
			if got := bob.reason(); got != "" {
				t.Errorf("the other person's connection has the reason %q", got)
			}
		})
	}
	for _, w := range c.wrong {
		t.Error(w)
	}
}

// A walker is an instance that has every built-in provider, and an api at each.
type walker struct {
	c      *catalogue
	origin string
}

// walk writes the built-in files with addresses at c into a provider_dir, and starts an instance over them.
func walk(t *testing.T, c *catalogue) *walker {
	t.Helper()
	dir, l := t.TempDir(), listener(t)
	w := &walker{c: c, origin: "http://" + l.Addr().String()}
	var entries, apis strings.Builder
	for _, name := range providers.Builtins() {
		file, _ := providers.BuiltinYAML(name)
		here := c.URL + "/" + name
		moved := addressed.ReplaceAll(file, []byte("${1}: ${2}"+here))
		p, err := providers.Parse(name, moved)
		if err != nil {
			t.Fatal(err)
		}
		own := p.Issuer == "" && p.Authorization.URL == "" || p.Issuer != "" && len(p.Unset()) > 0 // each organisation's
		if own && p.Auth == "" {
			p = providers.Override(p, providers.Config{Issuer: here})
		}
		if p.Auth != "" || len(p.Variables)+len(p.Names()) > 0 || farFromTheStandard(p) {
			continue // no OAuth, no fixed address, or requests of their own: internal/simulate plays their recorded answers
		}
		fmt.Fprintf(&entries, "  %s: {client_id: id-%s", name, name)
		if p.Client.Auth != providers.NoClientAuth {
			entries.WriteString(", client_secret: env:SECRET")
		}
		if own {
			fmt.Fprintf(&entries, ", issuer: %q", here)
		}
		entries.WriteString("}\n")
		fmt.Fprintf(&apis, "  %s: {provider: %s, upstream: %q, allow: [GET /me]}\n", name, name, here+"/api")
		c.all[name] = p
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), moved, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.all) < 120 {
		t.Fatalf("only %d built-in providers were walked through", len(c.all))
	}
	text := "origin: " + w.origin + "\nprovider_dir: " + dir + "\nsession: {store: \"memory:\", keys: [env:KEY]}\nlimits: " +
		"{login_per_minute: 10000}\nproviders:\n" + entries.String() + "apis:\n" + apis.String()
	env := func(name string) string { return map[string]string{"KEY": key1, "SECRET": "secret"}[name] }
	cfg, report := config.Read("bff.yaml", []byte(text), env)
	if report != "" {
		t.Fatal(report)
	}
	in, err := app.New(cfg, app.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx, app.Listeners{Browsers: l}) }()
	t.Cleanup(func() {
		stop()
		if err := testenv.Receive(t, "the end of it", done); err != nil {
			t.Error(err)
		}
	})
	return w
}

// farFromTheStandard says of providers whose requests are their own that they are played in internal/oauth.
func farFromTheStandard(p providers.Config) bool {
	return p.Client.Auth == providers.SignedSecret || p.Shapes.RefreshWith != "" || p.Shapes.TokenMethod != ""
}

// A visitor is one person with a browser.
type visitor struct {
	*walker
	t       *testing.T
	person  string
	browser *http.Client
}

func (w *walker) visitor(t *testing.T, person string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{w, t, person, &http.Client{Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// get makes one request, as a navigation or as a script.
func (v *visitor) get(target, site, mode string) *http.Response {
	v.t.Helper()
	q, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	q.Header.Set("Sec-Fetch-Site", site)
	q.Header.Set("Sec-Fetch-Mode", mode)
	if mode == "navigate" {
		q.Header.Set("Sec-Fetch-Dest", "document")
	}
	resp, err := v.browser.Do(q)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// signIn goes to the provider and comes back with a code.
func (v *visitor) signIn(p providers.Config) {
	v.t.Helper()
	resp := v.get(v.origin+"/bff/login/"+p.Name, "same-origin", "navigate")
	to, err := resp.Location()
	if err != nil {
		v.t.Fatalf("the sign-in begins with %d %s", resp.StatusCode, resp.Header.Get("BFF-Error"))
	}
	q := to.Query()
	v.checkRequest(p, to, q)
	back := url.Values{"code": {v.c.code(v.person, q.Get("nonce"))}, "state": {q.Get("state")}}
	if p.Authorization.GrantedScopes != "" {
		back.Set("scope", q.Get("scope"))
	}
	switch {
	case p.CallbackIssuer != "":
		back.Set("iss", p.CallbackIssuer)
	case p.Issuer != "":
		back.Set("iss", p.Issuer)
	}
	resp = v.get(v.origin+"/bff/callback/"+p.Name+"?"+back.Encode(), "cross-site", "navigate")
	if resp.StatusCode != http.StatusSeeOther || strings.Contains(resp.Header.Get("Location"), "bff_error") {
		v.t.Fatalf("the way back ends with %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	user := v.session()["user"].(map[string]any)
	if subject, _ := user["subject"].(string); subject != subjectOf(p, v.person) {
		v.t.Fatalf("the subject is %q, not %q", subject, subjectOf(p, v.person))
	}
}

// subjectOf is the subject of a person: where it is of several parts, of as many.
func subjectOf(p providers.Config, person string) string {
	if p.Issuer != "" {
		return person
	}
	return strings.TrimSuffix(strings.Repeat(person+"/", 1+strings.Count(p.Userinfo.Subject, "+")), "/")
}

// checkRequest compares the authorization request with the provider's file.
func (v *visitor) checkRequest(p providers.Config, to *url.URL, q url.Values) {
	v.t.Helper()
	idParam, scopeParam, separator := "client_id", "scope", " "
	if p.Client.IDParam != "" {
		idParam = p.Client.IDParam
	}
	if p.Authorization.ScopeParam != "" {
		scopeParam = p.Authorization.ScopeParam
	}
	if p.Authorization.ScopeSeparator != "" {
		separator = p.Authorization.ScopeSeparator
	}
	at := p.Authorization.URL
	if at == "" {
		at = v.c.URL + "/" + p.Name + "/authorize"
	}
	path, _, _ := strings.Cut(at, "?")
	got := to.Scheme + "://" + to.Host + to.Path
	if got != path || q.Get(idParam) != "id-"+p.Name || q.Get("response_type") != "code" ||
		q.Get("redirect_uri") != v.origin+"/bff/callback/"+p.Name || len(q.Get("state")) < 20 {
		v.t.Errorf("the authorization request goes to %s with %v", got, q)
	}
	if scopes := strings.Join(p.Scopes, separator); q.Get(scopeParam) != scopes {
		v.t.Errorf("scopes %q, not %q", q.Get(scopeParam), scopes)
	}
	method := cmp.Or(p.Authorization.PKCE, "S256")
	if q.Get("code_challenge_method") != strings.TrimPrefix(method, providers.PKCEOff) {
		v.t.Errorf("code_challenge_method is %q", q.Get("code_challenge_method"))
	}
	for k, value := range p.Authorization.Params {
		if q.Get(k) != value {
			v.t.Errorf("the authorization request lacks %s", k)
		}
	}
}

// want makes one call of the provider's api.
func (v *visitor) want(p providers.Config, status int, code string) {
	v.t.Helper()
	resp := v.get(v.origin+"/api/"+p.Name+"/me", "same-origin", "cors")
	var body map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&body)
	if resp.StatusCode != status || resp.Header.Get("BFF-Error") != code {
		v.t.Fatalf("%s calls and gets %d %s %v", v.person, resp.StatusCode, resp.Header.Get("BFF-Error"), body["detail"])
	}
	if status == http.StatusOK && body["person"] != v.person {
		v.t.Fatalf("%s calls as %v", v.person, body["person"])
	}
}

func (v *visitor) session() map[string]any {
	v.t.Helper()
	var body map[string]any
	if err := json.NewDecoder(v.get(v.origin+"/bff/session", "same-origin", "cors").Body).Decode(&body); err != nil {
		v.t.Fatal(err)
	}
	if body["authenticated"] != true {
		v.t.Fatal("nobody is signed in")
	}
	return body
}

// reason is why the person's connection is dead, "" where it is not.
func (v *visitor) reason() string {
	v.t.Helper()
	connections, _ := v.session()["connections"].([]any)
	for _, c := range connections {
		c, _ := c.(map[string]any)
		reason, _ := c["reason"].(string)
		return reason
	}
	v.t.Fatal("there is no connection")
	return ""
}
