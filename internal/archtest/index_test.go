package archtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A place is a name in a file, as ARCHITECTURE.md writes it.
var place = regexp.MustCompile("`(\\w+)` in `([^`]+)`")

// "Where to find" in ARCHITECTURE.md names a rule, a check and a test of each behaviour, and every one of them exists:
// the file of the rule, and in the files of the check and the test a declaration of that name.
func TestWhereToFindNamesWhatExists(t *testing.T) {
	_, section, found := strings.Cut(document(t), "\n## Where to find\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, table, ruled := strings.Cut(section, "| --- | --- | --- | --- |\n")
	if !found || !ruled {
		t.Fatal("ARCHITECTURE.md has no such table")
	}
	rows := 0
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 4 {
			t.Errorf("%d cells, want 4: %s", len(cells), line)
			continue
		}
		ruleExists(t, cells[0], cells[1])
		declared(t, cells[0], cells[2], "")
		declared(t, cells[0], cells[3], "Test|Fuzz")
	}
	if rows < 20 {
		t.Errorf("only %d behaviours: the table was not read", rows)
	}
}

// ruleExists wants at least one file in the cell of a rule; that a heading exists is seen by the site's own test.
func ruleExists(t *testing.T, behaviour, cell string) {
	t.Helper()
	files := regexp.MustCompile("`(internal/[^`]+)`|\\]\\(([^)#]*)(?:#[^)]*)?\\)").FindAllStringSubmatch(cell, -1)
	if len(files) == 0 {
		t.Errorf("%q has no rule", behaviour)
	}
	for _, f := range files {
		name := f[1] + f[2] // one is empty; both are where a link leads within the page
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("%q: the rule stands in %s, which does not exist", behaviour, name)
		}
	}
}

func declared(t *testing.T, behaviour, cell, prefix string) {
	t.Helper()
	places := place.FindAllStringSubmatch(cell, -1)
	if len(places) == 0 {
		t.Errorf("%q names no `name` in `file`: %s", behaviour, cell)
	}
	for _, p := range places {
		name, file := p[1], p[2]
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Errorf("%q: %s does not exist", behaviour, file)
			continue
		}
		at := regexp.MustCompile(`(?m)^(?:func (?:\([^)]*\) )?|type |const |var |local function |\t)` + name + `(?:\(|\[| +=| )`)
		if !at.Match(text) || !regexp.MustCompile(`^(?:`+prefix+`)`).MatchString(name) {
			t.Errorf("%q: %s is not declared in %s", behaviour, name, file)
		}
	}
}
