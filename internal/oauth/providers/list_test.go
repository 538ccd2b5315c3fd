package providers_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"bff/internal/oauth/providers"
)

var update = flag.Bool("update", false, "write docs/providers-list.md")

const list = "../../../docs/providers-list.md"

// The list of the documentation is made of the files.
func TestTheListInTheDocumentationIsThatOfTheFiles(t *testing.T) {
	var b strings.Builder
	names := providers.Builtins()
	fmt.Fprintf(&b, "# The %d built-in providers\n\n", len(names))
	b.WriteString("Made of their files: `go test ./internal/oauth/providers -run List -update`. `bff provider show NAME` " +
		"prints\none, with its sources, the scopes people ask for, and what of it nobody tried at the real provider. A file " +
		"marked\n`°` has such marks.\n\n")
	b.WriteString("| name | provider | kind | where a client is registered | what unlinking ends at the provider |\n")
	b.WriteString("| --- | --- | --- | --- | --- |\n")
	for _, name := range names {
		p, _ := providers.Builtin(name)
		title := p.Title
		if len(p.About.Unverified) > 0 {
			title += " °"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | <%s> | %s |\n", name, title, kindOf(p), p.About.Register.URL,
			strings.ReplaceAll(p.About.Revocation, "|", "\\|"))
	}
	if *update {
		if err := os.WriteFile(list, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(list)
	if err != nil || string(got) != b.String() {
		t.Fatalf("%s is not what the files say; go test ./internal/oauth/providers -run List -update (%v)", list, err)
	}
}

// kindOf says in few words how people link an account.
func kindOf(p providers.Config) string {
	switch {
	case p.Auth == providers.AuthAPIKey:
		return "API key"
	case p.Typed():
		return "password"
	case p.Issuer == "" && p.Authorization.URL == "":
		return "OpenID Connect, your issuer"
	case p.Issuer != "" && len(p.Unset()) > 0:
		return "OpenID Connect, your domain"
	case p.Issuer != "":
		return "OpenID Connect"
	}
	return "OAuth 2.0"
}
