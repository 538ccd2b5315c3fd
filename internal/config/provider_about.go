package config

// aboutDocs documents what a provider file says for people.
func aboutDocs() map[string]providerDoc {
	none := func(about, example string) providerDoc {
		return providerDoc{about: about, absent: "none", example: example}
	}
	return map[string]providerDoc{
		"about": none("What people should know of the provider: `color`, `sources`, `register`, `scopes`, `habits`, "+
			"`revocation`, `unverified`. Nothing in it changes what bff does; the account page shows color and scopes.",
			`{color: "#1a73e8", scopes: {files.read: {kind: see, en: See your files, de: Ihre Dateien sehen}}}`),
		"about.color":          none("The colour of the provider's mark.", `"#1a73e8"`),
		"about.sources":        none("Public pages that the facts of the file come from.", ""),
		"about.sources.url":    none("Where the page is.", "https://acme.example/docs/oauth"),
		"about.sources.read":   none("The day or month on which it was read; absent where nobody opened it for this file.", `"2026-11-29"`),
		"about.register":       none("How a client is registered.", ""),
		"about.register.url":   none("Where that is done.", "https://acme.example/apps"),
		"about.register.enter": none("What to enter there.", "The redirect URI."),
		"about.scopes":         none("The scopes that are asked for most, in plain words.", ""),
		"about.scopes.kind": none("What a scope is for: `who` somebody is, `see`, `change`, or `keep` access while the person "+
			"is away.", "see"),
		"about.scopes.en":  none("In English.", "See your files"),
		"about.scopes.de":  none("In German.", "Ihre Dateien sehen"),
		"about.habits":     none("What the provider does differently, a sentence each.", ""),
		"about.revocation": none("What a revocation ends, and for whom.", "It ends the whole grant."),
		"about.unverified": none("What of the file nobody has tried, with a date.", ""),
	}
}
