package config_test

import (
	"os"
	"strings"
	"testing"

	"bff/internal/config"
)

const shops = `origin: https://app.example.com
session: {keys: [env:BFF_KEY]}
providers:
  shops:
    client_id: x
    client_secret: env:GOOGLE_CLIENT_SECRET
    authorization_url: https://{shop}.myshopify.com/admin/oauth/authorize
    token_url: https://{shop}.myshopify.com/admin/oauth/access_token
    variables: {shop: {ask: "Your shop's name", pattern: "[a-z0-9-]+"}}
    hosts: ["*.myshopify.com", api.example.com]
    keep_values: {api_base: $.instance_url, realm: callback.realmId, dc: userinfo.dc}
apis:
  shop:
    provider: shops
    upstream: "{api_base}/v1"
    headers: {X-Shop: "{shop}"}
    allow: [GET /items]
`

// Each mistake about values has its position and says what to write instead.
func TestValuesThatCouldNotWorkAreRefused(t *testing.T) {
	for _, c := range []struct{ name, old, with, want string }{
		{"a variable that nobody has", "https://{shop}.myshopify.com/admin/oauth/authorize",
			"https://{store}.myshopify.com/authorize",
			"7:24: `providers.shops.authorization_url` has `{store}`, which is no variable and no kept value of `providers.shops`; there are"},
		{"hosts of everybody", `"*.myshopify.com"`, `"*.com"`, "10:13: `providers.shops.hosts[0]` is too wide"},
		{"hosts of a country's companies", `"*.myshopify.com"`, `"*.co.uk"`,
			"10:13: `providers.shops.hosts[0]` is too wide"},
		{"a host that is an address of the web", `"*.myshopify.com"`, `"https://a.myshopify.com"`,
			"10:13: `providers.shops.hosts[0]` is no host"},
		{"loopback without a port", "api.example.com", "localhost", "10:32: `providers.shops.hosts[1]` is this machine"},
		{"no hosts", `    hosts: ["*.myshopify.com", api.example.com]` + "\n", "",
			"7:24: `providers.shops.authorization_url` has `{shop}` in its host, and `providers.shops` does not say where it may lead; write `hosts:"},
		{"a pattern that does not compile", `"[a-z0-9-]+"`, `"[a-z"`,
			"is no regular expression of Go (RE2); write one such as `[a-z0-9-]+`"},
		{"a default that is not of the pattern", `"[a-z0-9-]+"}`, `"[a-z0-9-]+", default: "A B"}`,
			"`providers.shops.variables.shop.default` does not match its `pattern`; write another, or a wider pattern"},
		{"a value that is not of the pattern", `ask: "Your shop's name", `, `value: "A.B", `,
			"`providers.shops.variables.shop.value` does not match its `pattern`"},
		{"a value that is asked for as well", `ask: "Your`, `value: acme, ask: "Your`, "has both `value` and `ask`"},
		{"a variable without any value", `ask: "Your shop's name", `, "",
			"9:23: `providers.shops.variables.shop` has no value; write `value:`, or `ask:`"},
		{"a variable with a name of something else", "{shop: {ask", "{token: {ask: x}, shop: {ask",
			"`providers.shops.variables.token` has a name that stands for something else"},
		{"a kept value from nowhere", "$.instance_url", "instance_url",
			"11:29: `providers.shops.keep_values.api_base` does not say where the value is"},
		{"a kept token", "$.instance_url", "$.refresh_token", "11:29: `providers.shops.keep_values.api_base` is a secret"},
		{"a kept code", "callback.realmId", "callback.code", "`providers.shops.keep_values.realm` is a secret"},
		{"a path that is none", "userinfo.dc", "userinfo.a..b", "`providers.shops.keep_values.dc` is no path"},
		{"an account that nothing distinguishes", "    keep_values:", "    account_values: [tenant]\n    keep_values:",
			"`providers.shops.account_values[0]` names no variable and no kept value"},
		{"an upstream that nobody keeps", "{api_base}/v1", "{base}/v1",
			"15:15: `apis.shop.upstream` has `{base}`, which is no variable and no kept value"},
		{"an upstream whose value is not all of the host", "{api_base}/v1", "{api_base}.evil.com/v1",
			"15:15: `apis.shop.upstream` has something other than a path"},
		{"an upstream with a port to choose", "{api_base}/v1", "https://a.myshopify.com:{realm}/v1",
			"15:15: `apis.shop.upstream` has a value behind the colon"},
		{"an upstream with a query", "{api_base}/v1", "{api_base}/v1?a={dc}", "15:15: `apis.shop.upstream` has a query"},
		{"a header that nobody keeps", `X-Shop: "{shop}"`, `X-Shop: "{store}"`,
			"`apis.shop.headers.X-Shop` has `{store}`, which is no variable"},
		{"plain http", "https://{shop}.myshopify.com/admin/oauth/authorize", "http://{shop}.myshopify.com/authorize",
			"7:24: `providers.shops.authorization_url` is plain http"},
		{"a request without values", "    keep_values:",
			"    keep_request: {url: https://api.example.com/sites}\n    keep_values:",
			"11:25: `providers.shops.keep_request` has no `values`"},
		{"a request without an address", "    keep_values:", "    keep_request: {values: {site: $.0.id}}\n    keep_values:",
			"`providers.shops.keep_request` has no `url`"},
		{"a request in clear", "    keep_values:",
			"    keep_request: {url: http://api.example.com/sites, values: {site: $.0.id}}\n    keep_values:",
			"`providers.shops.keep_request.url` is no https address"},
		{"a backend with a value", "    provider: shops\n    upstream: \"{api_base}/v1\"\n    headers: {X-Shop: \"{shop}\"}", "    identity: app\n    upstream: \"{api_base}/v1\"",
			"15:15: `apis.shop.upstream` has `{api_base}`, and a backend has no provider"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(shops, c.old) {
				t.Fatalf("the file has no %s", c.old)
			}
			_, report := config.Read("bff.yaml", []byte(strings.TrimPrefix(strings.Replace(shops, c.old, c.with, 1), "\n")),
				environment)
			if !strings.Contains(report, c.want) {
				t.Errorf("want %s\ngot %s", c.want, report)
			}
		})
	}
}

// What is the operator's word is filled in once, and calls go to one place; what differs from account to account is
// said by each call.
func TestFixedValuesAreFilledInAndOthersWaitForTheCall(t *testing.T) {
	c := loaded(t, shops)
	a := c.APIs[0]
	if !a.PerCall || a.Where == nil || a.Where.Upstream != "{api_base}/v1" || a.Where.Headers["X-Shop"] != "{shop}" ||
		len(a.SetHeaders) != 0 || len(a.CallHeaders) != 1 {
		t.Errorf("%+v", a)
	}
	if p := c.Providers[0]; len(p.Upstreams) != 1 {
		t.Errorf("the provider knows of %v", p.Upstreams)
	}
	fixed := strings.NewReplacer(`ask: "Your shop's name", `, "value: acme, ", `"{api_base}/v1"`,
		"https://{shop}.myshopify.com/v1").
		Replace(shops)
	a = loaded(t, fixed).APIs[0]
	if a.PerCall || a.Where != nil || a.Upstream != "https://acme.myshopify.com/v1" || a.SetHeaders["X-Shop"] != "acme" {
		t.Errorf("%+v", a)
	}
}

func loaded(t *testing.T, text string) *config.Config {
	t.Helper()
	c, report := config.Read("bff.yaml", []byte(text), environment)
	if report != "" {
		t.Fatal(report)
	}
	return c
}

// Every file of the documentation about values is one that `serve` would take.
func TestTheFilesOfProvidersWithManyHostsAreGood(t *testing.T) {
	text, err := os.ReadFile("../../docs/providers-hosts.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")
	if len(blocks) < 2 {
		t.Fatalf("%d files on the page", len(blocks)-1)
	}
	for _, block := range blocks[1:] {
		file, _, _ := strings.Cut(block, "```")
		t.Log(strings.TrimSpace(strings.SplitN(file, "\n", 3)[1]))
		set := func(name string) string {
			if strings.HasSuffix(name, "_CLIENT_SECRET") {
				return "a-secret"
			}
			return environment(name)
		}
		if _, report := config.Read("bff.yaml", []byte(top+session+file), set); report != "" {
			t.Error(report)
		}
	}
}
