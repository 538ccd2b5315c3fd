package archtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bff/internal/archtest"
)

const root = "../.."

func drawing(t *testing.T) archtest.Drawing {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := archtest.ReadDrawing(string(document))
	if err != nil {
		t.Fatal(err)
	}
	if table := archtest.Layers(string(document)); !slices.Equal(table, d.Names()) {
		t.Errorf("ARCHITECTURE.md: the table has the layers %v, the drawing %v", table, d.Names())
	}
	return d
}

// The house as it stands obeys the drawing and every ban.
func TestTheHouse(t *testing.T) {
	sources, err := archtest.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < 50 {
		t.Fatalf("only %d files: the law was held against something else than the house", len(sources))
	}
	for _, v := range archtest.Check(sources, drawing(t)) {
		t.Error(v)
	}
}

// The drawing is read as a person reads it.
func TestDrawing(t *testing.T) {
	d := drawing(t)
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"cmd/bff", "internal/vault", true},
		{"cmd/bff", "internal/demo", true},
		{"cmd/bff", "web", true},
		{"internal/api", "internal/oauth", true},
		{"internal/api", "internal/api/proxy", true},
		{"internal/api/proxy", "internal/vault", true},
		{"internal/api/proxy", "internal/oauth", false},
		{"internal/api", "web", false},
		{"internal/oauth", "internal/api", false},
		{"internal/vault", "internal/oauth", false},
		{"internal/demo", "internal/vault", false},
		{"web", "internal/api", false},
	} {
		if d[c.from][c.to] != c.want {
			t.Errorf("may %s use %s? %v, want %v", c.from, c.to, !c.want, c.want)
		}
	}
}

func TestDrawingRefuses(t *testing.T) {
	for name, document := range map[string]string{
		"a document without a drawing":   "# Architecture\n",
		"a branch that hangs from air":   "\n```\ninternal/api\n                  └──► web\n```\n",
		"an arrow that points at nobody": "\n```\ninternal/api\n└──► web ─────────────────────▲\n```\n",
	} {
		if _, err := archtest.ReadDrawing(document); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// Every ban finds what breaks it, where it stands, and nothing else: a line of testdata that ends in `// breaks: RULE` is found under that
// rule, every other line is not.
func TestBansFindWhatIsPlanted(t *testing.T) {
	sources, err := archtest.Read("testdata/house")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, v := range archtest.Check(sources, archtest.Drawing{"internal/left": {"internal/right": true}, "internal/right": {}, "internal/oauth": {}}) {
		found[v.Path] = append(found[v.Path], v.Rule)
	}
	if got := found["internal/right/doc.go"]; !slices.Equal(got, []string{"a package without doc.go"}) {
		t.Errorf("a package without doc.go: found %q", got)
	}
	marker := regexp.MustCompile(`(?m)breaks: ([^\n]*?)\s*(?:\*/)?$`)
	rules := map[string]bool{}
	for _, s := range sources {
		var want []string
		for _, m := range marker.FindAllStringSubmatch(s.Text, -1) {
			want = append(want, m[1])
			rules[m[1]] = true
		}
		got := found[s.Path]
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s\n found %s\n  want %s", s.Path, strings.Join(got, "; "), strings.Join(want, "; "))
		}
	}
	for _, rule := range archtest.Rules() {
		if !rules[rule] {
			t.Errorf("the ban %q has nothing planted that breaks it", rule)
		}
	}
}
