package oauth_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/vault"
)

// A host stands for all hosts of a provider, records what reaches it, and gives the answers of the test.
type host struct {
	*httptest.Server
	mu      sync.Mutex
	got     []arrival
	answers map[string]func(a arrival) (status int, contentType, body string) // by path
}

type arrival struct {
	method, path, query string
	header              http.Header
	body                string
}

func newHost(t testing.TB) *host {
	h := &host{answers: map[string]func(arrival) (int, string, string){}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		a := arrival{r.Method, r.URL.Path, r.URL.RawQuery, r.Header, string(b)}
		h.mu.Lock()
		h.got = append(h.got, a)
		f := h.answers[r.URL.Path]
		h.mu.Unlock()
		if f == nil {
			return
		}
		status, contentType, body := f(a)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *host) last() arrival {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.got[len(h.got)-1]
}

func (h *host) on(path, contentType, body string) {
	h.answer(path, func(arrival) (int, string, string) { return 200, contentType, body })
}

func (h *host) answer(path string, f func(arrival) (int, string, string)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[path] = f
}

// move has a provider's every address at the host: the paths stay.
func (h *host) move(p providers.Config) providers.Config {
	h.moveURLs(reflect.ValueOf(&p).Elem())
	p.Issuer, p.Issuers = "", nil
	return p
}

func (h *host) moveURLs(v reflect.Value) {
	for i := range v.NumField() {
		field, f := v.Type().Field(i), v.Field(i)
		if field.Tag.Get("yaml") == ",inline" {
			h.moveURLs(f)
		}
		if strings.HasSuffix(field.Name, "URL") && f.String() != "" {
			_, rest, _ := strings.Cut(f.String(), "://")
			_, path, _ := strings.Cut(rest, "/")
			f.SetString(h.URL + "/" + path)
		}
	}
}

// habitual is an instance for one built-in provider, all of it at one host.
func habitual(t *testing.T, name string) (*fleet, *host, *instance) {
	t.Helper()
	f, h := newFleet(t), newHost(t)
	f.change = func(p *providers.Config) {
		built, ok := providers.Builtin(name)
		if !ok {
			t.Fatal("there is no such provider")
		}
		built.Client.ID, built.Client.Secret = "client", secret.New("s")
		*p = h.move(built)
		if p.Token.URL == "" { // it is discovered
			p.Authorization.URL, p.Token.URL = h.URL+"/authorize", h.URL+"/oauth2/token"
		}
		p.Name = "rogue"
	}
	return f, h, f.start(0)
}

func (i *instance) signInAt(t *testing.T) (oauth.Grant, url.Values, error) {
	t.Helper()
	ctx := context.Background()
	a, err := i.Begin(ctx, oauth.Begin{Provider: "rogue"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := i.URL(ctx, a, "state")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	g, err := i.Finish(ctx, a, url.Values{"code": {"c"}, "state": {"state"}})
	return g, u.Query(), err
}

const tokenJSON = `{"access_token":"at-1","refresh_token":"rt-1","token_type":"bearer","expires_in":3600}`

// Each provider's way of saying who somebody is, and of being asked, from its file alone.
func TestSignInWithEachProvidersHabits(t *testing.T) {
	for _, row := range []struct {
		provider              string
		tokenPath, token      string
		userPath, user        string
		subject, email, scope string
		query                 map[string]string // of the authorization request; "-": absent
		basic                 bool
	}{
		{provider: "github", tokenPath: "/login/oauth/access_token", token: "access_token=at-1&scope=read%3Auser%2Cuser%3Aemail&token_type=bearer",
			userPath: "/user", user: `{"id":12345678901234567890,"login":"ada","email":null,"avatar_url":"https://a/b.png"}`, subject: "12345678901234567890", scope: "read:user user:email",
			query: map[string]string{"code_challenge_method": "S256", "nonce": "-"}},
		{provider: "discord", tokenPath: "/api/oauth2/token", token: tokenJSON, userPath: "/api/users/@me",
			user: `{"id":"80351110224678912","username":"ada","email":"ada@example.com","verified":true}`, subject: "80351110224678912", email: "ada@example.com"},
		{provider: "spotify", tokenPath: "/api/token", token: tokenJSON, userPath: "/v1/me", user: `{"id":"ada","display_name":"Ada"}`, subject: "ada", basic: true},
		{provider: "dropbox", tokenPath: "/oauth2/token", token: tokenJSON, userPath: "/2/users/get_current_account",
			user: `{"account_id":"dbid:1","name":{"display_name":"Ada"},"email":"ada@example.com"}`, subject: "dbid:1", email: "ada@example.com", query: map[string]string{"token_access_type": "offline"}},
		{provider: "box", tokenPath: "/oauth2/token", token: tokenJSON, userPath: "/2.0/users/me", user: `{"id":"11","login":"ada@example.com"}`, subject: "11",
			email: "ada@example.com"},
		{provider: "notion", tokenPath: "/v1/oauth/token", token: tokenJSON, userPath: "/v1/users/me",
			user: `{"bot":{"owner":{"user":{"id":"n-1","name":"Ada","person":{"email":"ada@example.com"}}}}}`, subject: "n-1", email: "ada@example.com", basic: true,
			query: map[string]string{"owner": "user", "code_challenge": "-"}},
		{provider: "slack", tokenPath: "/api/oauth.v2.access", subject: "T1/U1",
			token: `{"ok":true,"access_token":"xoxb-bot","token_type":"bot","team":{"id":"T1"},"authed_user":{"id":"U1","access_token":"at-1","refresh_token":"rt-1","expires_in":43200,"scope":"users:read,chat:write","token_type":"user"}}`,
			scope: "users:read chat:write", query: map[string]string{"user_scope": "users:read", "scope": "-", "code_challenge": "-"}},
		{provider: "linkedin", tokenPath: "/oauth/v2/accessToken", token: tokenJSON, userPath: "/v2/userinfo", user: `{"sub":"l-1","email":"ada@example.com","email_verified":"true"}`,
			subject: "l-1", email: "ada@example.com", query: map[string]string{"code_challenge": "-", "nonce": "-"}},
		{provider: "x", tokenPath: "/2/oauth2/token", token: tokenJSON, userPath: "/2/users/me", user: `{"data":{"id":"2244994945","name":"Ada"}}`,
			subject: "2244994945", basic: true},
		{provider: "reddit", tokenPath: "/api/v1/access_token", token: tokenJSON, userPath: "/api/v1/me", user: `{"id":"t2_1","name":"ada"}`, subject: "t2_1",
			basic: true, query: map[string]string{"duration": "permanent"}},
		{provider: "figma", tokenPath: "/v1/oauth/token", token: tokenJSON, userPath: "/v1/me", user: `{"id":"9","handle":"Ada","email":"ada@example.com"}`,
			subject: "9", email: "ada@example.com", basic: true},
		{provider: "linear", tokenPath: "/oauth/token", token: tokenJSON, userPath: "/graphql", user: `{"data":{"viewer":{"id":"v-1","name":"Ada"}}}`,
			subject: "v-1"},
		{provider: "asana", tokenPath: "/-/oauth_token", token: tokenJSON, userPath: "/api/1.0/users/me", user: `{"data":{"gid":"12","name":"Ada"}}`,
			subject: "12", query: map[string]string{"scope": "default"}},
		{provider: "airtable", tokenPath: "/oauth2/v1/token", token: tokenJSON, userPath: "/v0/meta/whoami", user: `{"id":"usr1","email":"ada@example.com"}`,
			subject: "usr1", email: "ada@example.com", basic: true},
		{provider: "strava", tokenPath: "/api/v3/oauth/token",
			token: `{"access_token":"at-1","refresh_token":"rt-1","expires_at":4102444800,"athlete":{"id":227615,"firstname":"Ada"}}`, subject: "227615"},
		{provider: "zoom", tokenPath: "/oauth/token", token: tokenJSON, userPath: "/v2/users/me", user: `{"id":"z","email":"ada@example.com"}`, subject: "z",
			email: "ada@example.com", basic: true},
		{provider: "atlassian", tokenPath: "/oauth/token", token: tokenJSON, userPath: "/me", user: `{"account_id":"a:1","email":"ada@example.com"}`, subject: "a:1", email: "ada@example.com",
			query: map[string]string{"audience": "api.atlassian.com", "prompt": "consent"}},
		{provider: "tiktok", tokenPath: "/v2/oauth/token/", token: tokenJSON, userPath: "/v2/user/info/", user: `{"data":{"user":{"open_id":"o-1","display_name":"Ada"}}}`, subject: "o-1",
			query: map[string]string{"client_key": "client", "client_id": "-", "code_challenge": "-"}},
	} {
		t.Run(row.provider, func(t *testing.T) {
			_, h, i := habitual(t, row.provider)
			var sent arrival
			h.answer(
				row.tokenPath,
				func(a arrival) (int, string, string) { sent = a; return 200, "text/plain; charset=utf-8", row.token },
			)
			if row.userPath != "" {
				h.answer(row.userPath, func(a arrival) (int, string, string) {
					if a.header.Get("Authorization") != "Bearer at-1" || strings.Contains(a.path+a.query, "at-1") ||
						a.header.Get("User-Agent") == "" {
						return 401, "", ""
					}
					return 200, "application/json", row.user
				})
			}
			g, q, err := i.signInAt(t)
			if err != nil || g.User.Subject != row.subject || g.User.Email != row.email ||
				g.Connection.Tokens.Access.Reveal() != "at-1" {
				t.Fatalf("%v %+v", err, g.User)
			}
			for k, v := range row.query {
				if v == "-" && q.Has(k) || v != "-" && q.Get(k) != v {
					t.Errorf("the request's %s is %q", k, q.Get(k))
				}
			}
			if row.scope != "" && strings.Join(g.Connection.Scopes, " ") != row.scope {
				t.Errorf("scopes %v", g.Connection.Scopes)
			}
			if strings.HasPrefix(sent.header.Get("Authorization"), "Basic ") != row.basic ||
				strings.Contains(sent.body, "client_secret") == row.basic {
				t.Errorf("client authentication: %q %q", sent.header.Get("Authorization"), sent.body)
			}
		})
	}
}

func TestTokenRequestsInTheProvidersForm(t *testing.T) {
	_, h, i := habitual(t, "notion")
	h.answer("/v1/oauth/token", func(a arrival) (int, string, string) {
		var body map[string]string
		if a.header.Get("Content-Type") != "application/json" || json.Unmarshal([]byte(a.body), &body) != nil ||
			body["grant_type"] != "authorization_code" ||
			body["code"] != "c" {
			return 400, "application/json", `{"error":"invalid_request"}`
		}
		if a.header.Get("Notion-Version") == "" {
			return 400, "application/json", `{"error":"invalid_request"}`
		}
		return 200, "application/json", tokenJSON
	})
	h.on("/v1/users/me", "application/json", `{"bot":{"owner":{"user":{"id":"n-1"}}}}`)
	if _, _, err := i.signInAt(t); err != nil {
		t.Fatal(err)
	}
	_, h, i = habitual(t, "tiktok")
	h.on("/v2/oauth/token/", "application/json", tokenJSON)
	h.on("/v2/user/info/", "application/json", `{"data":{"user":{"open_id":"o"}}}`)
	if _, _, err := i.signInAt(t); err != nil {
		t.Fatal(err)
	}
	form, _ := url.ParseQuery(h.got[0].body)
	if form.Get("client_key") != "client" || form.Has("client_id") || form.Get("client_secret") != "s" {
		t.Fatal(form)
	}
}

// What refreshes answer where it is not the standard's.
func TestRefreshesWithEachProvidersHabits(t *testing.T) {
	for _, row := range []struct {
		name, provider, path string
		status               int
		body                 string
		kind                 oauth.Kind // 0: fine
		reason               string
	}{
		{"GitHub says that a refresh token is bad with status 200", "github", "/login/oauth/access_token", 200, "error=bad_refresh_token&error_description=x",
			oauth.KindReauth, oauth.ReasonRevoked},
		{"GitHub refuses the client with status 200", "github", "/login/oauth/access_token", 200, "error=incorrect_client_credentials", oauth.KindMisconfigured, ""},
		{"GitHub answers a form", "github", "/login/oauth/access_token", 200,
			"access_token=at-2&expires_in=28800&refresh_token=rt-2&refresh_token_expires_in=15897600&scope=&token_type=bearer", 0, ""},
		{"Slack says no with ok:false", "slack", "/api/oauth.v2.access", 200, `{"ok":false,"error":"invalid_refresh_token"}`, oauth.KindReauth, oauth.ReasonRevoked},
		{"Slack is busy", "slack", "/api/oauth.v2.access", 200, `{"ok":false,"error":"ratelimited"}`, oauth.KindUnavailable, ""},
		{"Slack's answer without a user's token is none", "slack", "/api/oauth.v2.access", 200,
			`{"ok":true,"access_token":"xoxb","refresh_token":"xoxe","authed_user":{"id":"U1"}}`, oauth.KindUnavailable, ""},
		{"Slack renews a user's token beside the user", "slack", "/api/oauth.v2.access", 200,
			`{"ok":true,"access_token":"at-2","refresh_token":"rt-2","token_type":"user","authed_user":{"id":"U1"}}`, 0, ""},
		{"Figma refreshes elsewhere", "figma", "/v1/oauth/refresh", 200, `{"access_token":"at-2","expires_in":7776000}`, 0, ""},
		{"Microsoft wants to see the person", "microsoft", "/common/oauth2/v2.0/token", 400, `{"error":"interaction_required"}`, oauth.KindReauth,
			oauth.ReasonSessionPolicy},
		{"Twitch says it in message", "twitch", "/oauth2/token", 400, `{"error":"Bad Request","status":400,"message":"Invalid refresh token"}`, oauth.KindReauth,
			oauth.ReasonRevoked},
		{"Google's policy for sessions", "google", "/token", 400, `{"error":"invalid_grant","error_subtype":"invalid_rapt"}`, oauth.KindReauth,
			oauth.ReasonSessionPolicy},
		{"Google gives no new refresh token", "google", "/token", 200,
			`{"access_token":"at-2","expires_in":3599,"scope":"openid https://www.googleapis.com/auth/userinfo.email"}`, 0, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			f, h, i := habitual(t, row.provider)
			h.answer(row.path, func(arrival) (int, string, string) { return row.status, "application/json", row.body })
			s := f.signIn(i, -time.Second)
			before := i.read(t, s)
			got, err := i.Token(context.Background(), before)
			if row.kind == 0 {
				if err != nil || got.Tokens.Access.Reveal() != "at-2" || got.Tokens.Refresh.IsZero() {
					t.Fatalf("%v", err)
				}
				return
			}
			kind(t, err, row.kind)
			if now := i.read(t, s); now.Reason != row.reason || (now.Status == vault.StatusActive) == (row.reason != "") {
				t.Fatalf("%s %s", now.Status, now.Reason)
			}
		})
	}
}

// rules: x/oauth2 rejects expires_in: 3600.0, fails on JSON under text/plain, and takes no expires_in for ever, which
// is what it means here too: until an API says otherwise.
func TestAnswersInAnyShape(t *testing.T) {
	for _, row := range []struct {
		name, contentType, body string
		life                    time.Duration // 0: no end
	}{
		{"a number", "application/json", `{"access_token":"at-2","token_type":"Bearer","expires_in":3600}`, time.Hour},
		{"a fraction", "application/json", `{"access_token":"at-2","token_type":"Bearer","expires_in":3600.0}`, time.Hour},
		{"a string", "application/json", `{"access_token":"at-2","token_type":"Bearer","expires_in":"3600"}`, time.Hour},
		{"a string with a fraction", "application/json", `{"access_token":"at-2","expires_in":" 3600.7 "}`, time.Hour},
		{"an exponent", "application/json", `{"access_token":"at-2","expires_in":3.6e3}`, time.Hour},
		{"absent", "application/json", `{"access_token":"at-2","token_type":"Bearer"}`, 0},
		{"null", "application/json", `{"access_token":"at-2","expires_in":null}`, 0},
		{"zero", "application/json", `{"access_token":"at-2","expires_in":0}`, 0},
		{"negative", "application/json", `{"access_token":"at-2","expires_in":-1}`, 0},
		{"an object", "application/json", `{"access_token":"at-2","expires_in":{}}`, 0},
		{"a word", "application/json", `{"access_token":"at-2","expires_in":"soon"}`, 0},
		{"JSON called text", "text/plain", `{"access_token":"at-2","expires_in":3600}`, time.Hour},
		{"JSON called a page", "text/html", `{"access_token":"at-2","expires_in":3600}`, time.Hour},
		{"JSON called nothing", "", `{"access_token":"at-2","expires_in":3600}`, time.Hour},
		{"JSON after a mark", "application/json", "\n\t {\"access_token\":\"at-2\",\"expires_in\":3600}\n", time.Hour},
		{"a form", "application/x-www-form-urlencoded", `access_token=at-2&expires_in=3600`, time.Hour},
		{"a form called JSON", "application/json", `access_token=at-2&expires_in=3600`, time.Hour},
		{"an error of null", "application/json", `{"access_token":"at-2","expires_in":3600,"error":null}`, time.Hour},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFleet(t)
			i := f.start(0)
			f.g.misbehave(status(200, "Content-Type", row.contentType, row.body))
			s := f.signIn(i, -time.Second)
			before := i.read(t, s)
			if _, err := i.Token(context.Background(), before); err != nil {
				t.Fatal(err)
			}
			c := i.read(t, s)
			if c.Tokens.Access.Reveal() != "at-2" || !c.Tokens.Refresh.Equal(before.Tokens.Refresh) {
				t.Fatal("the tokens are not right")
			}
			if life := c.Tokens.Expiry.Sub(c.Tokens.ObtainedAt).Round(time.Second); row.life == 0 != c.Tokens.Expiry.IsZero() ||
				row.life != 0 && life != row.life {
				t.Fatalf("it lives %v", life)
			}
		})
	}
}

// RFC 6749 appendix A.12: an access token is printable. One that is not could be sent in no field of a request.
func TestAnAccessTokenThatNoFieldCanCarryIsNoAnswer(t *testing.T) {
	for _, body := range []string{
		`{"access_token":"at\n2","expires_in":3600}`, `{"access_token":"at\u00002"}`, `{"access_token":"at-é"}`,
		`{"access_token":""}`, `{"access_token":5}`,
	} {
		f := newFleet(t)
		i := f.start(0)
		f.g.misbehave(status(200, "Content-Type", "application/json", body))
		s := f.signIn(i, -time.Second)
		_, err := i.Token(context.Background(), i.read(t, s))
		kind(t, err, oauth.KindUnavailable)
		if i.read(t, s).Status != vault.StatusActive {
			t.Errorf("%s: the connection was marked", body)
		}
	}
}
