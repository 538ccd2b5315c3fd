package config_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bff/internal/config"
	"bff/internal/secret"
)

// A row is one key of a table of docs/configuration.md.
type row struct{ section, key, defaults string }

var (
	heading  = regexp.MustCompile("^## `?([^`]+)`?$")
	quoted   = regexp.MustCompile("`([^`]+)`")
	accepted = regexp.MustCompile("there are (.*)")
)

// documented are the rows of the tables with a key in the first column and a default in the second.
func documented(t *testing.T) (rows []row) {
	t.Helper()
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	section, inTable := "", false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if m := heading.FindStringSubmatch(line); m != nil {
			section = m[1]
		}
		cells := strings.Split(line, "|")
		if inTable = strings.HasPrefix(line, "| key |") || inTable && len(cells) > 4; !inTable {
			continue
		}
		for _, key := range quoted.FindAllStringSubmatch(cells[1], -1) {
			rows = append(rows, row{section, key[1], strings.TrimSpace(cells[2])})
		}
	}
	return rows
}

// with is a good file with one more line in one section.
func with(section, line string) string {
	put := func(in, indent string) string {
		if in == section {
			return indent + line + "\n"
		}
		return ""
	}
	text := top + put("Top level", "") + session + put("session", "  ") + providers + put("providers", "    ") +
		"apis:\n  notes:\n    provider: google\n    upstream: https://notes.example\n    allow: [GET /n]\n" + put("apis", "    ") +
		"clients:\n  billing:\n    secret: env:BILLING_SECRET\n" + put("clients", "    ")
	for _, in := range []string{"frontend", "limits", "log"} {
		if in == section {
			text += in + ":\n" + put(in, "  ")
		}
	}
	return text
}

// The documentation has every key that there is, in its section, and no other.
func TestDocumentationHasEveryKey(t *testing.T) {
	rows := documented(t)
	for _, section := range []string{"Top level", "session", "providers", "apis", "clients", "frontend", "limits", "log"} {
		var have, want []string
		for _, r := range rows {
			if r.section == section {
				have = append(have, r.key)
			}
		}
		if want = config.ProviderKeys(); section != "providers" {
			_, report := config.ReadView("bff.yaml", []byte(with(section, "zzzz: 1")), environment)
			m := accepted.FindStringSubmatch(report)
			if m == nil {
				t.Fatalf("%s: the message about an unknown key does not list those there are:\n%s", section, report)
			}
			want = nil
			for _, key := range quoted.FindAllStringSubmatch(m[1], -1) {
				want = append(want, key[1])
			}
		}
		slices.Sort(have)
		slices.Sort(want)
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("the table of %s (-code +docs):\n%s", section, diff)
		}
	}
}

// A default that is written into the file changes nothing.
func TestDocumentationHasTheDefaults(t *testing.T) {
	below := []string{ // whoever uses it fills these in
		"apis idle", "apis header", "apis scheme", "limits login_per_minute", "limits session_concurrency",
	}
	secrets := cmp.Comparer(func(a, b secret.Text) bool { return a.Reveal() == b.Reveal() })
	tried := 0
	for _, r := range documented(t) {
		m := quoted.FindStringSubmatch(r.defaults)
		if m == nil || m[0] != r.defaults || r.section == "providers" && r.key != "keep" || slices.Contains(below, r.section+" "+r.key) {
			continue
		}
		tried++
		value := strings.ReplaceAll(m[1], "<name>", "notes")
		bare, written := good(t, with("", "")), good(t, with(r.section, r.key+": "+value))
		if diff := cmp.Diff(bare, written, secrets, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: `%s: %s` is no default (-without +with):\n%s", r.section, r.key, value, diff)
		}
	}
	if tried < 15 {
		t.Errorf("only %d defaults were tried: the tables were not read", tried)
	}
}
