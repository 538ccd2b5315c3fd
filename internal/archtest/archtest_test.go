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

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every file of the repository obeys the layers and every ban.
func TestSourcesObeyLayersAndBans(t *testing.T) {
	sources, err := archtest.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < 50 {
		t.Fatalf("only %d files were read", len(sources))
	}
	for _, v := range archtest.Check(sources, archtest.House()) {
		t.Error(v)
	}
}

// The table of ARCHITECTURE.md has the packages of the law, and the law has no circle.
func TestLayersAreDocumented(t *testing.T) {
	if table, names := archtest.TableNames(document(t)), archtest.House().Names(); !slices.Equal(table, names) {
		t.Errorf("ARCHITECTURE.md has the layers\n%v, the law has\n%v", table, names)
	}
	if circle := archtest.House().Cycle(); circle != nil {
		t.Errorf("the layers go in a circle: %v", circle)
	}
}

// Every ban finds what breaks it, where it stands, and nothing else: a line of testdata that ends in `// breaks:
// RULE` is found under that rule, every other line is not.
func TestBansFindWhatIsPlanted(t *testing.T) {
	sources, err := archtest.Read("testdata/house")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, v := range archtest.Check(sources, archtest.Layers{"internal/left": {"internal/right"}, "internal/right": nil, "internal/oauth": nil}) {
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
