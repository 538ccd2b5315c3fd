package importer_test

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"bff/internal/importer"
)

// A catalogue of invented entries, in that form.
const catalogue = `
acme:
  display_name: Acme
  auth_mode: OAUTH2
  authorization_url: https://acme.example/oauth/authorize
  token_url: https://acme.example/oauth/token
  refresh_url: https://acme.example/oauth/refresh
  authorization_params: {response_type: code, access_type: offline, nonce: "1"}
  token_params: {grant_type: authorization_code, expiring: 1}
  refresh_params: {grant_type: refresh_token}
  default_scopes: [read]
  scope_separator: ","
  token_request_auth_method: basic
  body_format: json
  disable_pkce: true
  authorization_url_replacements: {client_id: app_key, redirect_uri: callback}
  proxy: {base_url: https://api.acme.example, headers: {Acme-Version: "2"}}
acme-sandbox: {alias: acme, display_name: Acme Sandbox, token_url: https://sandbox.acme.example/oauth/token}
shops:
  display_name: Shops
  auth_mode: OAUTH2
  authorization_url: https://${connectionConfig.shop}.shops.example.com/authorize
  token_url: https://${connectionConfig.shop}.shops.example.com/token
  connection_config: {shop: {type: string, title: "Your shop", pattern: "^[a-z0-9-]+$"}}
  token_response_metadata: [api_domain]
  redirect_uri_metadata: [accounts-server]
  proxy: {base_url: "${connectionConfig.api_domain}", headers: {X-Shop-Token: "${accessToken}"}}
centres:
  display_name: Centres
  auth_mode: OAUTH2
  authorization_url: https://accounts.centres.${connectionConfig.extension}/auth || https://accounts.centres.com/auth
  token_url: https://accounts.centres.${connectionConfig.extension}/token || https://accounts.centres.com/token
  connection_config: {extension: {type: string, title: Data centre, enum: [com, eu]}}
anywhere:
  display_name: Anywhere
  auth_mode: OAUTH2
  authorization_url: https://${connectionConfig.host}/auth
  token_url: https://${connectionConfig.host}/token
keyed:
  display_name: Keyed
  auth_mode: API_KEY
  proxy:
    base_url: https://api.keyed.example
    headers: {x-api-key: "${apiKey}"}
    verification: {method: GET, endpoints: [/v1/me]}
typed: {display_name: Typed, auth_mode: BASIC}
hostile:
  display_name: "Evil\n# x\nclient_secret: stolen"
  auth_mode: OAUTH2
  authorization_url: "https://a.example\ntoken_url: https://evil.example"
  token_url: https://a.example/token
  proxy: {base_url: "https://a.example\nclient_secret: stolen"}
plugs:
  display_name: Plugs
  auth_mode: OAUTH2
  authorization_url: https://plugs.example/auth
  token_url: https://api.plugs.example/token
  authorization_url_replacements: {"response_type=": "responseType=", "redirect_uri=": "back="}
  authorization_params: {response_type: auth_code, nonce: "${random}", scope: "a b"}
  authorization_code_param_in_callback: auth_code
  scope_separator: "+"
  refresh_params: {resource: "https://${connectionConfig.client_id}"}
  alternate_access_token_response_path: person
  connection_config:
    client_id: {title: Their id}
    version: {automated: true}
    devkey: {automated: true, secret: true}
    site: {title: Your site}
  token_response_metadata: [base, host]
  post_connection_script: plugsPostConnection
  pre_connection_deletion_script: plugsDeletion
  proxy:
    base_url: "${connectionConfig.base}/v1/${site}"
    query: {page: 1}
    headers:
      authorization: Plug ${accessToken}
      plug-version: ${connectionConfig.version} || 2026-01-01
      plug-client: "${clientId}:${clientSecret}"
      plug-id: ${random}
      user-agent: Theirs (them@example.com)
dev:
  auth_mode: OAUTH2
  authorization_url: https://dev.example.com/auth
  token_url: https://dev.example.com/token?key=${connectionConfig.subscription}
  connection_config: {subscription: {automated: true}, devkey: {automated: true}}
  proxy: {base_url: "https://${connectionConfig.host}/x", headers: {dev-key: "${connectionConfig.devkey}"}}
  token_response_metadata: [host]
later:
  auth_mode: OAUTH2
  authorization_url: https://later.example.com/auth
  token_url: https://later.example.com/token
  connection_config: {dc: {automated: true}, second: {secret: true}}
  post_connection_script: laterPostConnection
  authorization_params: {password: "${connectionConfig.second}"}
  proxy: {base_url: "https://${connectionConfig.dc}.later.example.com", headers: {second: "${connectionConfig.second}"}}
examples:
  auth_mode: OAUTH2
  authorization_url: https://example.com/auth
  token_url: https://api.acme.${connectionConfig.tld}/token
  connection_config: {tld: {example: com}}
a-name-of-more-than-thirty-two-letters: {auth_mode: BASIC}
a-name-of-more-than-thirty-two-letters-too: {auth_mode: BASIC}
first: {display_name: First, auth_mode: OAUTH1}
strange: {display_name: Strange, auth_mode: OAUTH2, authorization_url: https://s.example/a, token_url: "https://s.example/${random}",
  token_params: {grant_type: password}, post_connection_script: fetch}
`

func converted(t *testing.T) map[string]importer.Entry {
	t.Helper()
	entries, err := importer.Nango([]byte(catalogue))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]importer.Entry{}
	for _, e := range entries {
		all[e.Name] = e
	}
	return all
}

func TestEntriesBecomeProviderFiles(t *testing.T) {
	all := converted(t)
	for name, want := range map[string][]string{
		"acme": {"title: Acme", "authorization_url: https://acme.example/oauth/authorize", "refresh_url: https://acme.example/oauth/refresh",
			"client_auth: client_secret_basic", "token_body: json", "- read", "scope_separator: ','", `pkce: "off"`, "access_type: offline",
			"client_id_param: app_key", "expiring: \"1\"", "# The API: `upstream: https://api.acme.example`", "Acme-Version"},
		"acme-sandbox": {"title: Acme Sandbox", "token_url: https://sandbox.acme.example/oauth/token", "refresh_url: https://acme.example"},
		"shops": {"authorization_url: https://{shop}.shops.example.com/authorize", "ask: Your shop", "[a-z0-9-]+",
			"'*.shops.example.com'", "api_domain: $.api_domain", "accounts_server: callback.accounts-server", "header: X-Shop-Token"},
		"centres": {"authorization_url: https://accounts.centres.{extension}/auth", "pattern: com|eu", "default: com",
			"accounts.centres.com", "accounts.centres.eu"},
		"keyed": {"auth: api_key", "userinfo_url: https://api.keyed.example/v1/me", "userinfo_token_header: x-api-key"},
		"typed": {"auth: basic"},
		"plugs": {"response_type: auth_code", "redirect_uri: back", "response_type: responseType", "code_param: auth_code", "token_path: person",
			"- a\n- b", "resource: https://{own_client_id}", "own_client_id:", "'*.plugs.example'", "base: $.base", "scheme: Plug`",
			`headers: {plug-version: "2026-01-01"}`, "headers: {plug-client: env:PLUG_CLIENT}", "Callers send the header plug-id",
			"User-Agent: acme-planner"},
		"dev":                              {"token_url: https://dev.example.com/token?key={subscription}", "'*.example.com'", "headers: {dev-key: env:DEV_KEY}", "host: $.host"},
		"examples":                         {"api.acme.com"},
		"a-name-of-more-than-thirty-two-l": {"auth: basic"},
		"a-name-of-more-than-thirty-two-2": {"auth: basic"},
	} {
		for _, part := range want {
			if !strings.Contains(string(all[name].File), part) && !strings.Contains(string(all[name].File), strings.ReplaceAll(part, "'", `"`)) {
				t.Errorf("%s has no %q:\n%s", name, part, all[name].File)
			}
		}
	}
}

// What a file lacks is said, and nothing is made up for it.
func TestWhatAnEntryLacksIsSaid(t *testing.T) {
	all := converted(t)
	for name, want := range map[string][]string{
		"anywhere": {"`hosts`: where {host} may lead is not said"},
		"typed":    {"`userinfo_url`: nothing tries what was typed"},
		"first":    {"auth_mode OAUTH1 has no key here"},
		"strange":  {"the place `random`", `the grant type "password"`},
		"later":    {"`keep_request` with {dc}", `the parameter "password" of the authorization request`, "a second secret of the person"},
	} {
		missing := strings.Join(all[name].Missing, "; ")
		for _, part := range want {
			if !strings.Contains(missing, part) {
				t.Errorf("%s does not say that it lacks %q: %s", name, part, missing)
			}
		}
	}
	for name, want := range map[string][]string{
		"acme":     {"`userinfo_url` and `subject`"},
		"plugs":    {`script "plugsPostConnection"`, "`revocation_url`", "`hosts`: {base}", "the query parameter page"},
		"dev":      {"`variables.subscription.value`", "`hosts`: {host}"},
		"examples": {"only what an example leads to, api.acme.com"},
	} {
		if len(all[name].Missing) > 0 {
			t.Errorf("%s lacks %q", name, all[name].Missing)
		}
		yours := strings.Join(all[name].Yours, "; ")
		for _, part := range want {
			if !strings.Contains(yours, part) {
				t.Errorf("%s does not leave %q to the operator: %s", name, part, yours)
			}
		}
	}
	for _, theirs := range []string{"scope_separator", "Theirs", "nonce", "{devkey}"} {
		if file := string(all["plugs"].File) + string(all["dev"].File); strings.Contains(file, theirs) {
			t.Errorf("%q:\n%s", theirs, file)
		}
	}
	if all["first"].File != nil {
		t.Error("a file of a kind that no key says was written")
	}
}

// A text of a catalogue is a value or a comment, and never a key.
func TestNoTextOfACatalogueBecomesAKey(t *testing.T) {
	var fields map[string]any
	if err := yaml.Unmarshal(converted(t)["hostile"].File, &fields); err != nil {
		t.Fatal(err)
	}
	if fields["client_secret"] != nil || fields["token_url"] != "https://a.example/token" {
		t.Errorf("%v", fields)
	}
}

func TestWhatIsNoCatalogueIsRefused(t *testing.T) {
	for _, file := range []string{"- a", "a: b", "a: [", "1", "a: {alias: [b]}\nb: c"} {
		if _, err := importer.Nango([]byte(file)); err == nil {
			t.Errorf("%q was taken", file)
		}
	}
	if entries, err := importer.Nango([]byte("a: {alias: b}\nb: {alias: a}\n")); err != nil || len(entries) != 2 {
		t.Errorf("aliases of each other: %v %v", entries, err)
	}
}
