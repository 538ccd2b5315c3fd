package archtest_test

import (
	"flag"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bff/internal/archtest"
)

var update = flag.Bool("update", false, "write the list of packages in docs/attacks.md anew")

const whereHeading = "## Where the tests are\n"

// Every test that docs/attacks.md and SECURITY.md hold up against an attack is listed with the package that it is in:
// a reader finds it, and a test that was moved, or of which another one has the name, is noticed.
func TestTheListOfAttacksSaysWhereItsTestsAre(t *testing.T) {
	sources, err := archtest.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	in := map[string][]string{} // test -> packages
	for _, s := range sources {
		for _, m := range function.FindAllStringSubmatch(s.Text, -1) {
			in[m[1]] = append(in[m[1]], path.Dir(s.Path))
		}
	}
	file := filepath.Join(root, "docs", "attacks.md")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	security, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	text, listed, _ := strings.Cut(string(raw), whereHeading)
	tests := map[string][]string{} // package -> tests
	for _, m := range regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`").FindAllStringSubmatch(text+string(security), -1) {
		if len(in[m[1]]) == 0 {
			t.Errorf("%s is named and does not exist", m[1])
		}
		for _, p := range in[m[1]] {
			if !slices.Contains(tests[p], m[1]) {
				tests[p] = append(tests[p], m[1])
			}
		}
	}
	want := "\nEach test that this page or [SECURITY.md](../SECURITY.md) names, by its package.\n\n| package | tests |\n| --- | --- |\n"
	for _, p := range slices.Sorted(maps.Keys(tests)) {
		slices.Sort(tests[p])
		want += "| `" + p + "` | `" + strings.Join(tests[p], "`, `") + "` |\n"
	}
	if *update {
		if err := os.WriteFile(file, []byte(text+whereHeading+want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if listed != want {
		t.Error("docs/attacks.md does not say where its tests are: run `go test ./internal/archtest -run Attacks -update`")
	}
}
