package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"bff/internal/config"
	builtin "bff/internal/oauth/providers"
	"bff/internal/secret"
)

var update = flag.Bool("update", false, "write the tables of docs/configuration.md")

const documentation = "../../docs/configuration.md"

// The tables of the documentation are those of the code: every key with its type, default, description and example.
func TestDocumentationHasEveryKey(t *testing.T) {
	text, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	want, sections, err := config.WriteTables(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(documentation, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("docs/configuration.md is not what the code declares; go test ./internal/config -run Documentation -update\n%s", diff)
	}
	if len(sections) < 15 {
		t.Errorf("only the tables of %q were found", sections)
	}
}

// Whatever a key says of itself is there, and is short.
func TestEveryKeyIsDescribed(t *testing.T) {
	config.EachKey(func(path, about, def, absent, example, missing string) {
		if about == "" || len(about) > 400 ||
			!strings.HasSuffix(strings.TrimRight(about, ")"), ".") && !strings.Contains(about, "](") {
			t.Errorf("%s has no description, or one that is no sentence: %q", path, about)
		}
		if def == "" && absent == "" && missing == "" && example == "" &&
			!strings.Contains("users frontend limits log session providers", path) {
			t.Errorf("%s does not say what holds without it", path)
		}
	})
}

// A default that is written into the file changes nothing, and neither does one that is declared and of another type
// pass.
func TestDefaultsThatAreWrittenOutChangeNothing(t *testing.T) {
	tried := 0
	secrets := cmp.Comparer(func(a, b secret.Text) bool { return a.Reveal() == b.Reveal() })
	config.EachKey(func(path, _, def, _, _, _ string) {
		section, key, found := cut(path)
		if def == "" || !found {
			return
		}
		tried++
		of := "provider: google"
		if key == "anonymous" {
			of = "identity: notes"
		}
		bare, written := good(t, with(section, of, "")), good(t, with(section, of, key+": "+def))
		if diff := cmp.Diff(bare, written, secrets, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: `%s` is no default (-without +with):\n%s", path, def, diff)
		}
	})
	if tried < 15 {
		t.Errorf("only %d defaults were tried", tried)
	}
}

func cut(path string) (section, key string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "Top level", path, true
	}
	section, key = path[:i], path[i+1:]
	switch section {
	case "session", "providers", "apis", "clients", "frontend", "limits", "log":
		return section, key, true
	}
	return section, key, false
}

// with is a good file with one more line in one section, and an api that is called as of says.
func with(section, of, line string) string {
	put := func(in, indent string) string {
		if in == section {
			return indent + line + "\n"
		}
		return ""
	}
	text := top + put("Top level", "") + session + put("session", "  ") + providers + put("providers", "    ") +
		"apis:\n  notes:\n    " + of + "\n    upstream: https://notes.example\n    allow: [GET /n]\n" + put("apis", "    ") +
		"clients:\n  billing:\n    secret: env:BILLING_SECRET\n" + put("clients", "    ")
	for _, in := range []string{"frontend", "limits", "log"} {
		if in == section && line != "" {
			text += in + ":\n" + put(in, "  ")
		}
	}
	return text
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var doc any
	if err := json.Unmarshal(config.Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("bff.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("bff.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func asJSON(t *testing.T, text string) (v any) {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return v
}

// The schema is one, takes what bff takes, and refuses what bff refuses where it can.
func TestSchemaAgreesWithTheReader(t *testing.T) {
	s := compiled(t)
	sample, err := os.ReadFile("testdata/sample.yaml")
	if err != nil {
		t.Fatal(err)
	}
	written, err := config.Init([]string{"google", "github", "keycloak"})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"the sample": string(sample), "the smallest file": minimal, "what init writes": written} {
		if err := s.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"a key that is none": minimal + "orign: x\n", "a literal secret": strings.Replace(minimal, "env:GOOGLE_CLIENT_SECRET", "hunter2", 1),
		"no origin": session + providers, "a word that is none": minimal + "log: {level: loud}\n",
		"a number as a duration": minimal + "shutdown_timeout: 5\n", "a limit of 0": minimal + "limits: {login_per_minute: 0}\n",
		"an event without its secret": minimal + "events: [{url: 'https://a.example'}]\n",
	} {
		if s.Validate(asJSON(t, text)) == nil {
			t.Errorf("%s is taken", name)
		}
		if _, report := config.Read("bff.yaml", []byte(text), environment); report == "" {
			t.Errorf("%s is taken by bff itself", name)
		}
	}
}

var variables = regexp.MustCompile(`env:([A-Z0-9_]+)`)

// What init writes for any built-in provider has no mistakes once its variables are set.
func TestInitWritesAFileWithoutMistakes(t *testing.T) {
	env := func(name string) string {
		if name == "BFF_KEY" {
			return aKey
		}
		return "a-secret"
	}
	for _, list := range append([][]string{{"google", "github", "microsoft"}}, each(builtin.Builtins())...) {
		text, err := config.Init(list)
		if err != nil {
			t.Fatal(err)
		}
		c, report := config.Read("bff.yaml", []byte(text), env)
		if report != "" {
			t.Errorf("%q:\n%s\n%s", list, report, text)
			continue
		}
		if len(c.Providers) != len(list) || !strings.HasPrefix(text, "# yaml-language-server: $schema=") {
			t.Errorf("%q: %d providers, and the first line is %.60q", list, len(c.Providers), text)
		}
		if variables.FindString(text) == "" {
			t.Errorf("%q: no variable is named", list)
		}
		config.EachKey(func(path, _, _, _, _, _ string) {
			if key := path[strings.LastIndexByte(path, '.')+1:]; !strings.HasPrefix(path, "providers.") &&
				!strings.HasPrefix(path, "apis.") &&
				!regexp.MustCompile(`(?m)\b`+key+`:`).MatchString(text) {
				t.Errorf("%q: %s is missing", list, path)
			}
		})
	}
	if _, err := config.Init([]string{"gogle"}); err == nil || !strings.Contains(err.Error(), "did you mean `google`?") {
		t.Errorf("a provider that is not built in: %v", err)
	}
}

func each(names []string) (lists [][]string) {
	for _, n := range names {
		lists = append(lists, []string{n})
	}
	return lists
}
