package config

// shapeDocs documents where requests and answers of a provider differ from what the standards say.
func shapeDocs() map[string]providerDoc {
	none := func(about, example string) providerDoc {
		return providerDoc{about: about, absent: "none", example: example}
	}
	return map[string]providerDoc{
		"auth_names": none("Parameters of the authorization request and what they are called there: `redirect_uri`, `response_type`.",
			"{redirect_uri: redirect_url}"),
		"response_type": {"What is asked for in the authorization request.", "", "`code`", "code id_token"},
		"user_agent":    {"The `User-Agent` of every request to the provider.", "", "`bff`", "acme-planner/1.0"},
		"code_param":    {"What `code` is called in the redirect back.", "", "`code`", "auth_code"},
		"granted_scopes_param": {
			"With `granted_scopes: callback`: the parameter of the redirect back.", "", "`scope`", "granted_scopes"},
		"callback_profile": none("Paths of `name` and `picture` in the redirect back, for a provider that says them there alone; "+
			"a parameter may hold JSON, and `+` joins two.", "{name: user.name.firstName+user.name.lastName}"),
		"hooks": none("What data cannot say, by name. `shopify_hmac`: the redirect back is signed by the client's secret.",
			"[shopify_hmac]"),
		"token_method": {"`GET` where token requests carry their parameters in the address.", "", "`POST`", "GET"},
		"token_names":  none("Parameters of token requests and what they are called there.", "{client_secret: secret}"),
		"answer_names": none("Fields of a token answer and their paths there.",
			"{access_token: token, expires_in: data.expires}"),
		"refresh_method": {"`GET` where refreshes carry their parameters in the address.", "", "`token_method`", "GET"},
		"refresh_names":  none("Parameters of refreshes and what they are called there.", "{refresh_token: access_token}"),
		"refresh_with": {"`access_token` where there are no refresh tokens, and an access token is exchanged for a new one " +
			"while it is good.", "", "the refresh token", "access_token"},
		"refresh_ahead": {"How long before its end an access token is refreshed: at most a quarter of its life.",
			"", "`1m`", "240h"},
		"long_lived_url": none("Where a short-lived access token is exchanged for a long-lived one, right after the sign-in.",
			"https://acme.example/long_lived"),
		"long_lived_method": {"How that is called.", "", "`POST`", "GET"},
		"long_lived_params": none("Its parameters; `{access_token}` is replaced.",
			"{grant_type: fb_exchange_token, fb_exchange_token: \"{access_token}\"}"),
		"userinfo_token_query": none("The parameter that carries the token to the userinfo endpoint, instead of a header.",
			"access_token"),
		"revocation_params": none("Further parameters of a revocation.", "{grant_type: revoke}"),
		"client_issuer": {"The `iss` of the client secrets that `signed_secret` makes: at Apple the team's id.", "", "none",
			"A1B2C3D4E5"},
	}
}
