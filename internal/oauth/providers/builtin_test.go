package providers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/vault"
)

// Every built-in provider is a file that parses strictly, says where its facts come from, and is read back as it was
// written.
func TestEveryBuiltinProviderIsAFileOfData(t *testing.T) {
	names := providers.Builtins()
	if len(names) < 20 {
		t.Fatalf("%d built-in providers", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			file, ok := providers.BuiltinYAML(name)
			if !ok || !strings.HasPrefix(string(file), "# ") {
				t.Fatal("there is no file, or it does not say what it is")
			}
			p, ok := providers.Builtin(name)
			if !ok || p.Name != name || p.Title == "" {
				t.Fatalf("%+v", p)
			}
			for _, u := range []string{p.Issuer, p.Authorization.URL, p.Token.URL, p.Token.RefreshURL, p.Userinfo.URL, p.Revocation.URL, p.JWKSURL, p.EndSessionURL,
				p.RISCURL} {
				if strings.HasPrefix(u, "{") {
					u = "https://" + u // a value that is a URL
				}
				u = strings.NewReplacer("{", "", "}", "").Replace(u)
				if parsed, err := url.Parse(u); u != "" && (err != nil || parsed.Scheme != "https" || parsed.Host == "") {
					t.Errorf("%s is no https URL", u)
				}
			}
			again, err := yaml.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			back, err := providers.Parse(name, again)
			if err != nil || !reflect.DeepEqual(p, back) {
				t.Fatalf("it does not come back as it was: %v\n%s", err, again)
			}
			if strings.Contains("\n"+string(again), "\nclient_secret:") || strings.Contains(string(again), "redacted") {
				t.Fatal("a secret has a place in it")
			}
			own := p
			own.Client.ID, own.Client.Secret = "id", secret.New("secret")
			if p.Client.Auth == providers.SignedSecret {
				own.Client.Key = secret.New(someKey(t))
			}
			if p.Issuer == "" && p.Token.URL == "" {
				own.Issuer = "https://tenant.example.com" // okta, auth0, keycloak: each customer has one
			}
			own.Variables = maps.Clone(own.Variables)
			for _, name := range own.Unset() {
				one := own.Variables[name]
				one.Value = "acme.example.com"
				if !one.Matches(one.Value) {
					t.Errorf("{%s} cannot be a host", name)
				}
				own.Variables[name] = one
			}
			own.Hosts = own.OwnHosts()
			if _, err := oauth.New(oauth.Config{Providers: []providers.Config{own}, Vault: &vault.Vault{}, Origin: "https://app.example.com"}); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, name := range []string{"", "nobody", "../oauth", "google.yaml", "providers/google", "."} {
		if _, ok := providers.Builtin(name); ok {
			t.Errorf("there is a provider %q", name)
		}
	}
}

// someKey is a private key in PEM.
func someKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// Each file says to people what they need before they use it, and what of it nobody tried.
func TestEveryBuiltinProviderSaysWhatPeopleNeed(t *testing.T) {
	date := regexp.MustCompile(`^2026-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?$`)
	colour := regexp.MustCompile(`^#[0-9a-f]{6}$`)
	sentence := regexp.MustCompile(`^\p{Lu}.*[.]$`)
	common := []string{"openid", "email", "profile", "offline_access", "offline"} // the account page has words for them
	for _, name := range providers.Builtins() {
		p, _ := providers.Builtin(name)
		wrong := func(format string, args ...any) { t.Helper(); t.Errorf(name+": "+format, args...) }
		if !colour.MatchString(p.About.Color) {
			wrong("color %q", p.About.Color)
		}
		unread := func(text string) bool { return strings.HasPrefix(text, "the sources: ") }
		if !slices.ContainsFunc(p.About.Sources, func(s providers.Source) bool { return s.Read != "" }) &&
			!slices.ContainsFunc(p.About.Unverified, unread) {
			wrong("no source that was read, and nothing that says so")
		}
		for _, s := range p.About.Sources {
			if !strings.HasPrefix(s.URL, "https://") || s.Read != "" && !date.MatchString(s.Read) {
				wrong("source %+v", s)
			}
		}
		if !strings.HasPrefix(p.About.Register.URL, "https://") || !sentence.MatchString(p.About.Register.Enter) {
			wrong("register %+v", p.About.Register)
		}
		if len(p.About.Habits) == 0 || !sentence.MatchString(p.About.Revocation) {
			wrong("habits %q, revocation %q", p.About.Habits, p.About.Revocation)
		}
		for _, h := range p.About.Habits {
			if !sentence.MatchString(h) {
				wrong("habit %q", h)
			}
		}
		if len(p.About.Scopes) == 0 {
			wrong("no scopes")
		}
		for _, s := range p.Scopes {
			if _, ok := p.About.Scopes[s]; !ok && !slices.Contains(common, s) {
				wrong("it asks for %s and has no words for it", s)
			}
		}
		for s, w := range p.About.Scopes {
			kinds := []string{providers.ScopeWho, providers.ScopeSee, providers.ScopeChange, providers.ScopeKeep}
			if w.English == "" || w.German == "" || !slices.Contains(kinds, w.Kind) || strings.HasSuffix(w.English, ".") {
				wrong("scope %s: %+v", s, w)
			}
		}
		for _, u := range p.About.Unverified {
			if !regexp.MustCompile(`, 2026-\d\d(-\d\d)?$`).MatchString(u) {
				wrong("unverified without a date: %q", u)
			}
		}
	}
}

// A code challenge goes to every provider, and a nonce to every one whose ID token is read. A file that leaves one out
// says why, and when that was looked at.
func TestAFileWithoutPKCEOrNonceSaysWhy(t *testing.T) {
	why := func(key string) *regexp.Regexp {
		return regexp.MustCompile(`(?m)^` + key + `:.* # [^#]{10,}, 2026-\d\d(-\d\d)?( *\(.*\))?$|(?m)^` + key +
			`:.* # [^#]{10,}, 2026-\d\d(-\d\d)?;.*$`)
	}
	for _, name := range providers.Builtins() {
		p, _ := providers.Builtin(name)
		file, _ := providers.BuiltinYAML(name)
		if kinds := []string{"", providers.PKCEOff, providers.PKCEPlain}; !slices.Contains(kinds, p.Authorization.PKCE) {
			t.Errorf("%s: `pkce: %s` is no value", name, p.Authorization.PKCE)
		}
		if p.Authorization.PKCE != "" && !why("pkce").Match(file) {
			t.Errorf("%s: `pkce: %s` says neither why nor when", name, p.Authorization.PKCE)
		}
		if p.Client.Auth == providers.NoClientAuth && !why("client_auth").Match(file) {
			t.Errorf("%s: `client_auth: none` says neither why nor when", name)
		}
		// Without an issuer there is no nonce, and none is missed: no ID token is read.
		found := regexp.MustCompile(`(?m)^scopes:.* # no nonce: .*, 2026-\d\d(-\d\d)?$`).Match(file)
		if unread := slices.Contains(p.Scopes, "openid") && p.Issuer == "" && p.Token.URL != ""; unread != found {
			t.Errorf("%s: asks for an ID token that is not read: %t; says so: %t", name, unread, found)
		}
	}
}

// What data cannot say is a hook. There are five at most, each is used by a file that ships, and people find it in the
// documentation.
func TestHooksAreFewAndListed(t *testing.T) {
	used := map[string]bool{}
	for _, name := range providers.Builtins() {
		p, _ := providers.Builtin(name)
		for _, hook := range p.Shapes.Hooks {
			used[hook] = true
		}
	}
	docs, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "providers.md"))
	if err != nil {
		t.Fatal(err)
	}
	if len(providers.Hooks()) > 5 || len(used) != len(providers.Hooks()) {
		t.Errorf("the hooks are %q, and used are %v", providers.Hooks(), used)
	}
	for _, hook := range providers.Hooks() {
		if !used[hook] || !strings.Contains(string(docs), "`"+hook+"`") {
			t.Errorf("%s is used by no file, or no page names it", hook)
		}
	}
}

func TestAProviderFileIsReadStrictly(t *testing.T) {
	for _, file := range []string{"tokenurl: https://x", "title: a\ntitle: b", "scopes: 3", "lifetime: soon", "client_secret: literal", "name: x"} {
		if _, err := providers.Parse("x", []byte(file)); err == nil {
			t.Errorf("%q was accepted", file)
		}
	}
}

func TestGivenFieldsReplaceTheBuiltIns(t *testing.T) {
	google, _ := providers.Builtin("google")
	own := providers.Config{Client: providers.Client{ID: "id", Secret: secret.New("s")}, Scopes: []string{"openid"},
		Authorization: providers.Authorization{Params: map[string]string{"hd": "example.com"}}}
	p := providers.Override(google, own)
	if p.Client.ID != "id" || len(p.Scopes) != 1 || p.Authorization.Params["hd"] != "example.com" ||
		p.Authorization.Params["access_type"] != "offline" ||
		p.Token.URL != google.Token.URL {
		t.Fatalf("%+v", p)
	}
	if google.Authorization.Params["hd"] != "" {
		t.Fatal("the base was changed")
	}
	p = providers.Override(google, providers.Config{Issuer: "https://other.example.com"})
	if p.Token.URL != "" || p.JWKSURL != "" || p.RISCURL != "" || p.Issuers != nil || p.Authorization.URL != "" {
		t.Fatalf("endpoints of another issuer were kept: %+v", p)
	}
	zendesk, _ := providers.Builtin("zendesk")
	own = providers.Config{Values: providers.Values{Variables: map[string]providers.Variable{"subdomain": {Value: "acme"}}}}
	if v := providers.Override(zendesk, own).Variables["subdomain"]; v.Value != "acme" || v.Ask != "" || v.Pattern == "" ||
		zendesk.Variables["subdomain"].Ask == "" {
		t.Fatalf("a value of the operator's is asked for: %+v", v)
	}
	mastodon, _ := providers.Builtin("mastodon")
	own = providers.Config{Values: providers.Values{Variables: map[string]providers.Variable{"server": {Value: "Social.example"}}}}
	if merged := providers.Override(mastodon, own); !slices.Equal(merged.OwnHosts(), []string{"social.example"}) ||
		len(merged.Unset()) != 0 || len(mastodon.OwnHosts()) != 0 || !slices.Equal(mastodon.Unset(), []string{"server"}) {
		t.Fatalf("hosts %q, unset %q", merged.OwnHosts(), mastodon.Unset())
	}
	p = providers.Override(google, providers.Config{Token: providers.Token{URL: "https://proxy.example.com/token"}})
	if p.Token.URL != "https://proxy.example.com/token" || p.Issuer != google.Issuer {
		t.Fatalf("%+v", p)
	}
}
