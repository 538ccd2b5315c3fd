package e2e_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// A shown block is one fenced block of shell commands of a document, a command a line: without comments, with
// continued lines joined.
type shown struct {
	document string
	commands []string
}

// A scene runs a block, or several that are alike: those whose document and beginning it names. What runs is the text
// of the document.
type scene struct {
	document, begins string
	run              func(t *testing.T, s *shell)
}

// commandsNotRun are the commands of the documents that this test does not run, with the reason.
var commandsNotRun = map[string]string{
	"README.md: make test":                                                  "it is the suite that this test belongs to",
	"CONTRIBUTING.md: make test":                                            "it is the suite that this test belongs to",
	"CONTRIBUTING.md: go test -race ./internal/vault":                       "a part of the suite; that it exists is tested below",
	"CONTRIBUTING.md: go test -race -run 'TestMainJob' ./internal/e2e":      "a part of the suite; that it exists is tested below",
	"CONTRIBUTING.md: go test ./internal/archtest":                          "a part of the suite; that it exists is tested below",
	"CONTRIBUTING.md: go test ./internal/oauth/providers -run List -update": "it writes into the repository; that it exists is tested below",
	"examples/react-vite/README.md: npm ci && npm run dev &":                "it wants a package registry; TestReactVite runs the app",
}

// Every shell command of a document is run, as it stands there, or is on the list of those that are not, with the
// reason. Ports, hosts and secrets are the test's.
func TestEveryCommandOfTheDocuments(t *testing.T) {
	t.Parallel()
	all := shellBlocks(t)
	notRun := map[string]bool{}
	for _, block := range all {
		for _, command := range block.commands {
			name := block.document + ": " + command
			if commandsNotRun[name] != "" {
				notRun[name] = true
				partOfTheSuite(t, command)
			}
		}
	}
	for name := range commandsNotRun {
		if !notRun[name] {
			t.Errorf("the list of commands that are not run has one that no document shows: %s", name)
		}
	}
	ran := map[int]bool{}
	for _, scene := range append(scenes(), scenesOfServices()...) {
		found := false
		for i, block := range all {
			rest := block.toRun()
			if block.document != scene.document || len(rest) == 0 || !strings.HasPrefix(rest[0], scene.begins) {
				continue
			}
			found, ran[i] = true, true
			t.Run(scene.document+": "+scene.begins[:min(len(scene.begins), 40)], func(t *testing.T) {
				t.Parallel()
				scene.run(t, newShell(t, strings.Join(rest, "\n")+"\n"))
			})
		}
		if !found {
			t.Errorf("%s shows nothing that begins with %q", scene.document, scene.begins)
		}
	}
	for i, block := range all {
		if rest := block.toRun(); len(rest) > 0 && !ran[i] {
			t.Errorf("%s shows commands that are neither run nor listed with a reason:\n%s", block.document, strings.Join(rest, "\n"))
		}
	}
}

// toRun are the commands that are not on the list.
func (b shown) toRun() (rest []string) {
	for _, command := range b.commands {
		if commandsNotRun[b.document+": "+command] == "" {
			rest = append(rest, command)
		}
	}
	return rest
}

var (
	anyFence = regexp.MustCompile("(?ms)^ *```([a-z]*)[^\n]*\n(.*?)^ *```")
	comment  = regexp.MustCompile(`(^|\s+)#.*$`)
	aProgram = regexp.MustCompile(`(?m)^ *\$? ?(bff|go|make|npm|npx|node|python3?|curl|docker|helm|kubectl|redis-cli|systemctl) [a-z-]`)
)

// shellBlocks reads all documents. A block of another kind that holds a command is a mistake: nobody would run it.
func shellBlocks(t *testing.T) (all []shown) {
	t.Helper()
	root := testenv.Root(t)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "bin" || d.Name() == ".git"):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		document, _ := filepath.Rel(root, path)
		for _, m := range anyFence.FindAllStringSubmatch(string(text), -1) {
			switch m[1] {
			case "sh":
				all = append(all, shown{document, commandsOf(m[2])})
			case "", "bash", "shell", "console", "text":
				if c := aProgram.FindString(m[2]); c != "" {
					t.Errorf("%s shows the command %q… in a block that is not marked as sh", document, c)
				}
			}
		}
		return nil
	})
	if err != nil || len(all) < 10 {
		t.Fatalf("%d blocks of commands, %v", len(all), err)
	}
	return all
}

func commandsOf(block string) (all []string) {
	for line := range strings.Lines(strings.ReplaceAll(block, "\\\n", "")) {
		if line = strings.TrimSpace(comment.ReplaceAllString(strings.TrimRight(line, "\n"), "")); line != "" {
			all = append(all, regexp.MustCompile(` {2,}`).ReplaceAllString(line, " "))
		}
	}
	return all
}

// partOfTheSuite wants the package and the tests to exist that a command of `go test` names.
func partOfTheSuite(t *testing.T, command string) {
	t.Helper()
	if !strings.HasPrefix(command, "go test ") {
		return
	}
	folder := regexp.MustCompile(`\./internal/[a-z0-9/]+`).FindString(command)
	files, err := filepath.Glob(filepath.Join(testenv.Root(t), folder, "*_test.go"))
	if folder == "" || err != nil || len(files) == 0 {
		t.Errorf("%s: no tests in %s", command, folder)
	}
	named := regexp.MustCompile(`-run '?(\w+)`).FindStringSubmatch(command)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if named == nil || regexp.MustCompile(`(?m)^func Test\w*`+strings.TrimPrefix(named[1], "Test")).Match(text) {
			return
		}
	}
	t.Errorf("%s: no test in %s has that name", command, folder)
}
