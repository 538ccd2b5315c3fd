package config

import "maps"

// A providerDoc is what is said of one field of providers.Config.
type providerDoc struct{ about, def, absent, example string }

// providerDocs documents the fields of providers.Config by their key. A test holds them equal.
func providerDocs() map[string]providerDoc {
	all := endpointDocs()
	maps.Copy(all, habitDocs())
	maps.Copy(all, aboutDocs())
	maps.Copy(all, shapeDocs())
	maps.Copy(all, valuesDocs())
	return all
}

// endpointDocs documents what most providers need.
func endpointDocs() map[string]providerDoc {
	discovered := func(about, example string) providerDoc {
		return providerDoc{about: about + " It wins over discovery.", absent: "discovered", example: example}
	}
	none := func(about, example string) providerDoc {
		return providerDoc{about: about, absent: "none", example: example}
	}
	return map[string]providerDoc{
		"title": {"What people see.", "", "the name", "Acme"},
		"scopes": {"Asked for at every sign-in. An OpenID Provider needs `openid` among them.", "",
			"the built-in's; else `[openid, email, profile]` with an issuer", "[openid, email, profile]"},
		"keep": {"`session`: tokens live in the session and end with it. `user`: a linked account belongs to the signed-in person; " +
			"the next sign-in, on any device, finds it again.", "session", "", "user"},
		"issuer": {"Of an OpenID Provider, to the last slash as it publishes it. Endpoints and keys are discovered.", "",
			"the built-in's", "https://id.acme.example"},
		"authorization_url": discovered("The authorization endpoint.", "https://acme.example/authorize"),
		"token_url":         discovered("The token endpoint.", "https://acme.example/token"),
		"userinfo_url":      discovered("The userinfo endpoint, or another that says who signed in.", "https://acme.example/me"),
		"revocation_url": discovered("The revocation endpoint; `{client_id}`, `{token}` and `{subject}` are replaced in it.",
			"https://acme.example/revoke"),
		"jwks_url":        discovered("The keys of ID tokens.", "https://acme.example/keys"),
		"end_session_url": discovered("Where a person is logged out at the provider.", "https://acme.example/logout"),
		"refresh_url":     {"Where refresh tokens go.", "", "`token_url`", "https://acme.example/refresh"},
		"risc_url":        {"Where the issuer and keys of security event tokens are published.", "", "the issuer's", "https://acme.example/risc"},
		"issuers":         none("Further values of `iss` in ID tokens; `{tid}` stands for the token's own `tid`.", "[https://acme.example]"),
		"callback_issuer": {"The `iss` of authorization answers (RFC 9207).", "", "the issuer", "https://acme.example"},
		"client_auth": {"How the client authenticates at the token endpoint; `none` for a public client, which has no secret.", "", "what is published, else `client_secret_basic`",
			"client_secret_post"},
		"client_key_id":   none("The `kid` of `client_key`.", "key-1"),
		"client_id_param": {"What that parameter is called there.", "", "`client_id`", "client_key"},
		"pkce": {"`off` where the provider rejects `code_challenge`; `plain` where it knows no other method: the challenge then is the " +
			"verifier itself, which whoever sees the address can use.", "", "`S256`", `"off"`},
		"scope_separator":  {"What stands between scopes.", "", "a space", `","`},
		"scope_param":      {"The parameter that scopes go under.", "", "`scope`", "user_scope"},
		"scope_aliases":    none("A granted name and the name it is asked by.", "{user.info: profile}"),
		"auth_params":      none("Further parameters of every authorization request.", "{access_type: offline}"),
		"connect_params":   none("Further parameters at connect.", `{include_granted_scopes: "true"}`),
		"consent_params":   none("Further parameters of those requests that are to bring a refresh token again.", "{prompt: consent}"),
		"token_body":       {"The form of token requests.", "", "`form`", "json"},
		"token_headers":    none("Further headers of token requests.", "{Accept: application/json}"),
		"token_params":     none("Further parameters of token requests.", "{resource: https://acme.example}"),
		"refresh_params":   none("Further parameters of refreshes; `{redirect_uri}` is replaced.", `{redirect_uri: "{redirect_uri}"}`),
		"token_path":       none("Where the tokens are in an answer.", "authed_user"),
		"lifetime":         {"Of an access token whose answer does not say.", "", "until it is refused", "1h"},
		"rotates":          {"Whether a refresh brings a new refresh token.", "", "either is taken", "always"},
		"reuse_leeway":     {"How long a used refresh token still works.", "", "`0s`", "30s"},
		"grant_errors":     none("Further token errors that mean that the grant has ended, and their reason.", "{bad_refresh_token: revoked}"),
		"userinfo_method":  {"How the userinfo endpoint is called.", "", "`GET`", "POST"},
		"userinfo_headers": none("Further headers of userinfo requests.", `{Acme-Version: "2"}`),
		"userinfo_body":    none("The body of userinfo requests.", `'{"query": "{ viewer { id } }"}'`),
		"subject":          {"Path of the user's id in the userinfo answer.", "", "`sub`", "id"},
		"profile": {"Paths of `name`, `email`, `email_verified` and `picture` there, where they are called differently.", "",
			"their names", "{name: full_name, picture: avatar.url}"},
		"revocation_method": {"How a token is revoked.", "", "`POST`", "DELETE"},
		"revocation_auth":   {"What authenticates a revocation.", "", "`client`", "bearer"},
		"revocation_body":   {"The form of a revocation.", "", "`form`", "json"},
		"revocation_param":  {"What that parameter is called there.", "", "`token`", "access_token"},
		"revocation_token":  {"Which token is revoked.", "", "`refresh`", "access"},
	}
}
