package config

// habitDocs documents what single providers do differently.
func habitDocs() map[string]providerDoc {
	none := func(about, example string) providerDoc {
		return providerDoc{about: about, absent: "none", example: example}
	}
	return map[string]providerDoc{
		"refused_refresh": none(
			"Further answers to a refresh that mean that the grant has ended: a list of `{status, code, description, path, "+
				"value, reason}`. All that is given must hold; texts are compared without case, `description` as a part.",
			"[{code: invalid_request, description: refresh token, reason: revoked}]",
		),
		"error_field": {
			"Path of the error code in a token answer, also nested, as in `errors.0.errorType`.",
			"",
			"`error`",
			"code",
		},
		"assertion_audience": {"The audience of `private_key_jwt` and `signed_secret`, where the provider wants another.", "", "the issuer",
			"https://acme.example/token"},
		"granted_scopes": {
			"`callback` where the redirect back says what the person allowed, and the token answer does not.",
			"",
			"the token answer",
			"callback",
		},
		"scope_implies": none("What a granted scope covers besides itself.", "{repo: [public_repo]}"),
		"scope_prefix":  none("A scope with this in front and one without are the same.", "https://graph.microsoft.com/"),
		"auth": {
			"What authenticates calls instead of OAuth: `api_key` or `basic`, which each person types into a form or you give here " +
				"(`userinfo_url`, where given, is what tries it); `service_account`, `client_credentials` and `github_app`, which " +
				"obtain tokens with a credential of yours.",
			"",
			"OAuth",
			"api_key",
		},
		"userinfo_token_header": {
			"The header that carries the token to the userinfo endpoint.",
			"",
			"`Authorization`",
			"X-API-Key",
		},
		"userinfo_token_scheme": {
			"What stands before the token there.",
			"",
			"`Bearer`; `Basic` with `auth: basic`; none in another header",
			"Token",
		},
		"scope_fold":        {"Scopes whose names differ in case alone are the same.", "false", "", "true"},
		"scopes_not_echoed": none("Scopes that answers never repeat, so that none is missing.", "[offline_access]"),
	}
}
