package oauth_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/vault"
)

// A dead grant in the words of providers whose answers are far from the standard's, beside answers that are none.
func TestDeadGrantsFarFromTheStandard(t *testing.T) {
	for _, row := range []struct {
		provider, path string
		status         int
		body           string
		want           oauth.Kind
		reason         string
	}{
		{"fitbit", "/oauth2/token", 400, `{"errors":[{"errorType":"invalid_grant","message":"Refresh token invalid"}],"success":false}`,
			oauth.KindReauth, oauth.ReasonRevoked},
		{"fitbit", "/oauth2/token", 200, `{"errors":[{"errorType":"invalid_grant"}],"success":false}`, oauth.KindReauth, oauth.ReasonRevoked},
		{"fitbit", "/oauth2/token", 401, `{"errors":[{"errorType":"invalid_client"}],"success":false}`, oauth.KindMisconfigured, ""},
		{"fitbit", "/oauth2/token", 429, `{"errors":[{"errorType":"invalid_grant"}]}`, oauth.KindUnavailable, ""},
		{"fitbit", "/oauth2/token", 503, `{"errors":[{"errorType":"system"}]}`, oauth.KindUnavailable, ""},
		{"facebook", "/v22.0/oauth/access_token", 400, `{"error":{"message":"Error validating access token","type":"OAuthException","code":190,"error_subcode":463}}`,
			oauth.KindReauth, oauth.ReasonRevoked},
		{"facebook", "/v22.0/oauth/access_token", 500, `{"error":{"code":190}}`, oauth.KindUnavailable, ""},
		{"instagram", "/refresh_access_token", 400, `{"error":{"message":"Session has expired","code":190}}`, oauth.KindReauth, oauth.ReasonRevoked},
		{"wechat", "/sns/oauth2/refresh_token", 200, `{"errcode":40030,"errmsg":"invalid refresh_token"}`, oauth.KindReauth, oauth.ReasonRevoked},
		{"wechat", "/sns/oauth2/refresh_token", 200, `{"errcode":42002,"errmsg":"refresh_token expired"}`, oauth.KindReauth, oauth.ReasonExpired},
		{"lark", "/open-apis/authen/v2/oauth/token", 400, `{"code":20037,"error":"invalid_grant","error_description":"x"}`, oauth.KindReauth, oauth.ReasonExpired},
		{"feishu", "/open-apis/authen/v2/oauth/token", 400, `{"code":20064,"error":"invalid_grant"}`, oauth.KindReauth, oauth.ReasonRevoked},
	} {
		t.Run(row.provider+" "+row.body, func(t *testing.T) {
			f, h, i := habitual(t, row.provider)
			h.answer(row.path, func(a arrival) (int, string, string) {
				if strings.Contains(a.body+a.query, "rt-bob") {
					return 200, "application/json", `{"code":0,"access_token":"at-2","expires_in":3600}`
				}
				return row.status, "application/json", row.body
			})
			s := f.signIn(i, -time.Second)
			_, err := i.Token(context.Background(), i.read(t, s))
			kind(t, err, row.want)
			if now := i.read(t, s); now.Reason != row.reason {
				t.Fatalf("%s %q", now.Status, now.Reason)
			}
			if row.want == oauth.KindUnavailable || row.want == oauth.KindMisconfigured {
				return
			}
			bob := f.signIn(i, -time.Second, func(c *vault.Connection) { c.Tokens.Refresh = secret.New("rt-bob") })
			if got, err := i.Token(context.Background(), i.read(t, bob)); err != nil || got.Tokens.Access.Reveal() != "at-2" {
				t.Fatalf("another person: %v", err)
			}
		})
	}
}

// Sign-ins in shapes of their own, from the built-in files alone.
func TestSignInFarFromTheStandard(t *testing.T) {
	_, h, i := habitual(t, "facebook")
	h.answer("/v22.0/oauth/access_token", func(a arrival) (int, string, string) {
		q, _ := url.ParseQuery(a.query)
		if a.method == "GET" && q.Get("fb_exchange_token") == "short" && q.Get("grant_type") == "fb_exchange_token" &&
			q.Get("client_secret") == "s" && q.Get("client_id") == "client" {
			return 200, "application/json", `{"access_token":"long","token_type":"bearer","expires_in":5183944}`
		}
		if a.method == "POST" && strings.Contains(a.body, "code=c") {
			return 200, "application/json", `{"access_token":"short","token_type":"bearer","expires_in":5400}`
		}
		return 400, "application/json", `{"error":{"code":100}}`
	})
	h.on("/v22.0/me", "application/json", `{"id":"77","name":"Ada","picture":{"data":{"url":"https://x.example/p.png"}}}`)
	g, err := i.arrive(t, url.Values{"code": {"c"}, "granted_scopes": {"public_profile"}})
	if err != nil || g.Connection.Tokens.Access.Reveal() != "long" || g.User.Picture == "" || strings.Join(g.Connection.Scopes, " ") != "public_profile" {
		t.Fatalf("facebook: %v %+v", err, g.User)
	}

	_, h, i = habitual(t, "instagram")
	h.on("/oauth/access_token", "application/json", `{"data":[{"access_token":"short","user_id":"1","permissions":"instagram_business_basic"}]}`)
	h.on("/access_token", "application/json", `{"access_token":"long","token_type":"bearer","expires_in":5183944}`)
	h.answer("/v22.0/me", func(a arrival) (int, string, string) {
		if !strings.Contains(a.query, "access_token=long") {
			return 401, "", ""
		}
		return 200, "application/json", `{"user_id":"17841400000000000","username":"ada"}`
	})
	if g, err = i.arrive(t, url.Values{"code": {"c"}}); err != nil || g.User.Subject != "17841400000000000" ||
		strings.Join(g.Connection.Scopes, " ") != "instagram_business_basic" {
		t.Fatalf("instagram: %v %+v", err, g.User)
	}

	_, h, i = habitual(t, "wechat")
	h.answer("/sns/oauth2/access_token", func(a arrival) (int, string, string) {
		q, _ := url.ParseQuery(a.query)
		if a.method != "GET" || q.Get("appid") != "client" || q.Get("secret") != "s" || q.Get("code") != "c" {
			return 200, "application/json", `{"errcode":40029}`
		}
		return 200, "text/plain", `{"access_token":"at","expires_in":7200,"refresh_token":"rt","openid":"o-1","scope":"snsapi_login"}`
	})
	if g, err = i.arrive(t, url.Values{"code": {"c"}}); err != nil || g.User.Subject != "o-1" || g.Connection.Tokens.Refresh.Reveal() != "rt" {
		t.Fatalf("wechat: %v %+v", err, g.User)
	}

	_, h, i = habitual(t, "lark")
	h.answer("/open-apis/authen/v2/oauth/token", func(a arrival) (int, string, string) {
		if !strings.Contains(a.body, `"client_secret":"s"`) {
			return 400, "application/json", `{"code":20002,"error":"invalid_client"}`
		}
		return 200, "application/json", `{"code":0,"access_token":"at","refresh_token":"rt","expires_in":7200,"refresh_token_expires_in":604800,"token_type":"Bearer"}`
	})
	h.on("/open-apis/authen/v1/user_info", "application/json", `{"code":0,"data":{"open_id":"ou_1","name":"Ada"}}`)
	if g, err = i.arrive(t, url.Values{"code": {"c"}}); err != nil || g.User.Subject != "ou_1" || g.Connection.Tokens.RefreshExpiry.IsZero() {
		t.Fatalf("lark: %v %+v", err, g.User)
	}
}
