package config

import (
	"fmt"
	"regexp"
	"strings"

	"bff/internal/oauth/providers"
)

// Init returns a complete, commented file for some built-in providers. Read takes it once the variables that it names
// are set. The error names the first provider that is not built in.
func Init(list []string) (string, error) {
	var b strings.Builder
	b.WriteString("# yaml-language-server: $schema=./bff.schema.json\n" +
		"# For an editor that knows the line above: bff schema > bff.schema.json\n" +
		"#\n" +
		"# Before the start:  export BFF_KEY=\"$(bff keygen)\"\n")
	for _, name := range list {
		if _, ok := providers.Builtin(name); !ok {
			return "", fmt.Errorf("%s is not built in%s", name, meant(name, providers.Builtins()))
		}
		fmt.Fprintf(
			&b,
			"#                    export %s=…   # and client_id below, as %s gave them\n",
			VariableFor(name, "CLIENT_SECRET"),
			name,
		)
	}
	b.WriteString("# Then:              bff check && bff serve\n" +
		"#\n" +
		"# A key in a comment has its default, or shows an example.\n")
	w := initWriter{b: &b, providers: list}
	w.fields((&Config{}).fields(), "", false)
	return b.String(), nil
}

// An initWriter writes fields as a person would.
type initWriter struct {
	b         *strings.Builder
	providers []string
}

// fields writes fields behind a prefix. Where off is true, all of them are comments, since what they are in is one.
func (w *initWriter) fields(all []field, prefix string, off bool) {
	for _, f := range all {
		if prefix == "" {
			w.b.WriteString("\n")
		}
		w.comment(prefix+"# ", f.about)
		w.field(f, prefix, off)
	}
}

func (w *initWriter) field(f field, prefix string, off bool) {
	top := prefix == ""
	if !off && f.missing == "" {
		prefix, off = prefix+"# ", true
	}
	switch {
	case f.name == "providers" && top:
		w.b.WriteString("providers:\n")
		for _, name := range w.providers {
			w.provider(name)
		}
	case f.name == "apis" && top:
		w.b.WriteString(initAPI(w.providers[0]))
	case f.entry != nil && f.schema["type"] == "array":
		w.b.WriteString(prefix + f.name + ":\n")
		w.item(f.entry(), prefix+"  ")
	case f.entry != nil:
		w.b.WriteString(prefix + f.name + ":\n" + prefix + "  billing:\n")
		w.fields(f.entry(), prefix+"    ", off)
	case f.below != nil:
		w.b.WriteString(prefix + f.name + ":\n")
		w.fields(f.below, prefix+"  ", off)
	default:
		w.b.WriteString(prefix + f.name + ": " + w.value(f) + "\n")
	}
}

// item writes one item of a list of mappings.
func (w *initWriter) item(fields []field, prefix string) {
	for i, f := range fields {
		lead := "  "
		if i == 0 {
			lead = "- "
		}
		switch {
		case f.below != nil:
			w.b.WriteString(prefix + lead + f.name + ": {" + f.below[0].name + ": " + w.value(f.below[0]) + "}\n")
		default:
			w.b.WriteString(prefix + lead + f.name + ": " + w.value(f) + "\n")
		}
	}
}

// value is what stands behind a key.
func (w *initWriter) value(f field) string {
	switch {
	case f.name == "origin" && f.example == "https://app.example.com":
		return "http://localhost:8080"
	case f.name == "keys":
		return "[env:BFF_KEY]"
	case f.def != "":
		return f.def
	}
	return f.example
}

const initWidth = 100

var markdownLink = regexp.MustCompile(`\[([^\]]+)\]\(([^)]+)\)`)

// comment writes a text in lines of some width.
func (w *initWriter) comment(prefix, text string) {
	line := prefix
	for _, word := range strings.Fields(markdownLink.ReplaceAllString(text, "$1 (docs/$2)")) {
		if len(line)+len(word) > initWidth && line != prefix {
			w.b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = prefix
		}
		line += word + " "
	}
	w.b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// provider writes one built-in provider.
func (w *initWriter) provider(name string) {
	p, _ := providers.Builtin(name)
	fmt.Fprintf(w.b, "  %s:\n    client_id: %s   # as %s gave it\n", name, PlaceholderID, p.Title)
	switch p.Client.Auth {
	case providers.SignedSecret:
		w.b.WriteString("    client_issuer: your-team-id\n    client_key_id: your-key-id\n")
		fallthrough
	case providers.PrivateKeyJWT:
		fmt.Fprintf(w.b, "    client_key: env:%s\n", VariableFor(name, "CLIENT_KEY"))
	case providers.NoClientAuth:
	default:
		fmt.Fprintf(w.b, "    client_secret: env:%s\n", VariableFor(name, "CLIENT_SECRET"))
	}
	if own := (&Provider{Config: p}); !own.reachable() {
		w.b.WriteString("    issuer: https://your-organisation.example   # to the last slash as it publishes it\n")
	}
	if unset := p.Unset(); unset != nil {
		fmt.Fprintf(w.b, "    variables: {%s: {value: your-organisation.example}}\n",
			strings.Join(unset, ": {value: your-organisation.example}, "))
	}
	if len(p.Scopes) > 0 {
		fmt.Fprintf(w.b, "    # scopes: [%s]\n", strings.Join(quoteScopes(p.Scopes), ", "))
	}
	w.b.WriteString("    # keep: session\n    # sign_in: true\n    # rights: [groups]\n")
}

func quoteScopes(scopes []string) []string {
	out := make([]string, len(scopes))
	for i, s := range scopes {
		if out[i] = s; strings.ContainsAny(s, ":,#{}[] ") {
			out[i] = fmt.Sprintf("%q", s)
		}
	}
	return out
}

// PlaceholderID is the client id of a file that Init wrote.
const PlaceholderID = "your-client-id"

func initAPI(provider string) string {
	return strings.ReplaceAll(`# apis:
#   calendar:                            # called below /api/calendar
#     provider: PROVIDER
#     upstream: https://www.googleapis.com/calendar/v3
#     scopes: [https://www.googleapis.com/auth/calendar.readonly]
#     allow:
#       - GET /users/me/calendarList
#       - GET /calendars/{id}/events
#   app:                                 # a backend of your own, called with an assertion of who is asking
#     path: /app
#     identity: app
#     upstream: http://127.0.0.1:3000
#     anonymous: refuse
#     allow: ["/{rest...}"]
`, "PROVIDER", provider)
}
