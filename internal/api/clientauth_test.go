package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"bff/internal/api"
)

func TestServicesAuthenticate(t *testing.T) {
	w := newWorld(t, withServices)
	kind := header("Content-Type", "application/x-www-form-urlencoded")
	raw := func(name, secret string) edit { return func(r *http.Request) { r.SetBasicAuth(name, secret) } }
	for name, c := range map[string]struct {
		body   string
		edits  []edit
		status int
		code   string
	}{
		"Basic, encoded":              {"token=x", []edit{basic("billing", billingSecret)}, 200, ""},
		"Basic, as it is":             {"token=x", []edit{raw("billing", billingSecret)}, 200, ""},
		"Basic, a name with signs":    {"token=x", []edit{basic("search & rescue", "rescue-secret")}, 200, ""},
		"Basic, and the same name":    {form("token", "x", "client_id", "billing"), []edit{basic("billing", billingSecret)}, 200, ""},
		"in the body":                 {form("token", "x", "client_id", "billing", "client_secret", billingSecret), nil, 200, ""},
		"nothing":                     {"token=x", nil, 401, "invalid_client"},
		"a wrong secret":              {"token=x", []edit{basic("billing", "wrong")}, 401, "invalid_client"},
		"a beginning of the secret":   {"token=x", []edit{basic("billing", billingSecret[:10])}, 401, "invalid_client"},
		"more than the secret":        {"token=x", []edit{basic("billing", billingSecret+"x")}, 401, "invalid_client"},
		"another letter case":         {"token=x", []edit{basic("billing", strings.ToUpper(billingSecret))}, 401, "invalid_client"},
		"another one's secret":        {"token=x", []edit{basic("billing", "rescue-secret")}, 401, "invalid_client"},
		"an unknown name":             {"token=x", []edit{basic("marker", billingSecret)}, 401, "invalid_client"},
		"an empty secret":             {"token=x", []edit{basic("billing", "")}, 401, "invalid_client"},
		"empty is not equal to empty": {"token=x", []edit{basic("nobody", "")}, 401, "invalid_client"},
		"empty in the body":           {form("token", "x", "client_id", "nobody", "client_secret", ""), nil, 401, "invalid_client"},
		"no secret configured":        {"token=x", []edit{basic("nobody", "x")}, 401, "invalid_client"},
		"a bearer token":              {"token=x", []edit{header("Authorization", "Bearer "+billingSecret)}, 401, "invalid_client"},
		"nonsense":                    {"token=x", []edit{header("Authorization", "Basic !!!")}, 401, "invalid_client"},
		"in the body, wrong":          {form("token", "x", "client_id", "billing", "client_secret", "wrong"), nil, 401, "invalid_client"},
		"a name alone":                {form("token", "x", "client_id", "billing"), nil, 401, "invalid_client"},
		"both ways": {form("token", "x", "client_id", "billing", "client_secret", billingSecret), []edit{basic("billing", billingSecret)}, 400,
			"invalid_request"},
		"both ways, in disagreement": {form("token", "x", "client_id", "search & rescue"), []edit{basic("billing", billingSecret)}, 400, "invalid_request"},
		"the header twice": {"token=x",
			[]edit{basic("billing", billingSecret), func(r *http.Request) { r.Header.Add("Authorization", "Basic eA==") }}, 400, "invalid_request"},
		"the secret in the body twice": {"token=x&client_id=billing&client_secret=a&client_secret=b", nil, 400, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			resp := ask(t, w, "POST", "/introspect", c.body, append([]edit{kind}, c.edits...)...)
			if c.status == 200 {
				if got := text(resp); resp.StatusCode != 200 || got != `{"active":false}` {
					t.Fatalf("%d %s", resp.StatusCode, got)
				}
				return
			}
			says(t, resp, c.status, c.code)
			if got := resp.Header.Get("WWW-Authenticate"); (c.status == 401) != strings.HasPrefix(got, "Basic ") {
				t.Errorf("WWW-Authenticate %q", got)
			}
		})
	}
	canSee(t, w, nil, billingSecret, "rescue-secret", "marker")
}

// An unknown service and a wrong secret get the same answer, byte for byte.
func TestNamesOfServicesCannotBeGuessed(t *testing.T) {
	w := newWorld(t, withServices)
	kind := header("Content-Type", "application/x-www-form-urlencoded")
	known := ask(t, w, "POST", "/token", "a=b", kind, basic("billing", "wrong"))
	unknown := ask(t, w, "POST", "/token", "a=b", kind, basic("marker", "wrong"))
	for _, name := range []string{"Date", "BFF-Request-Id"} {
		known.Header.Del(name)
		unknown.Header.Del(name)
	}
	if a, b := text(known)+encoded(known.Header), text(unknown)+encoded(unknown.Header); a != b ||
		known.StatusCode != unknown.StatusCode {
		t.Errorf("%s\n%s", a, b)
	}
}

// Attack class 20.
func TestBruteForceOfServiceSecretsIsThrottled(t *testing.T) {
	clock := newClock()
	w := newWorld(t, withServices, func(s *settings) { s.now = clock.now })
	kind := header("Content-Type", "application/x-www-form-urlencoded")
	try := func(name, secret string) *http.Response {
		return ask(t, w, "POST", "/introspect", "token=x", kind, basic(name, secret))
	}
	wrong, throttled := 0, 0
	for range 200 {
		switch resp := try("billing", "wrong"); resp.StatusCode {
		case 401:
			wrong++
		case 429:
			throttled++
			if resp.Header.Get("Retry-After") == "" {
				t.Fatal("no Retry-After")
			}
		}
	}
	if wrong != 20 || throttled != 180 {
		t.Errorf("%d guesses went through, %d were throttled", wrong, throttled)
	}
	says(t, try("billing", billingSecret), 429, "temporarily_unavailable") // else the right guess would show
	if resp := try("search & rescue", "rescue-secret"); resp.StatusCode != 200 {
		t.Errorf("another name is not concerned: %d", resp.StatusCode)
	}
	clock.advance(3 * time.Second)
	if resp := try("billing", billingSecret); resp.StatusCode != 200 {
		t.Errorf("after the pause: %d", resp.StatusCode)
	}
	for range 100 {
		if resp := try("billing", billingSecret); resp.StatusCode != 200 {
			t.Fatalf("who knows the secret is never throttled: %d", resp.StatusCode)
		}
	}
}

func TestWithoutServicesNobodyMayAsk(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.api = func(c *api.Config) { c.Clients = nil } })
	says(t, post(t, w, "/introspect", "token", "x"), 401, "invalid_client")
	says(t, post(t, w, "/token", "grant_type", "x"), 401, "invalid_client")
}
