package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// A Source is one file of the repository.
type Source struct {
	Path  string // from the root, with slashes
	Text  string
	Lines int
	Test  bool // a _test.go file, or one of a package that only tests import

	// Go files only.
	File *ast.File
	fset *token.FileSet
}

// A Violation is one place that breaks a law.
type Violation struct {
	Path string
	Line int
	Rule string
	Why  string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", v.Path, v.Line, v.Rule, v.Why)
}

// Packages for tests: nothing that ships imports them. So is one that holds nothing but its doc.go and tests.
var forTests = []string{"internal/testenv", "internal/archtest"}

// Read parses every source file below root. Folders of test data, of node's packages and hidden ones are not the
// repository's own code, nor is a module of its own: an example that others copy.
func Read(root string) ([]Source, error) {
	var all []Source
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() {
			if at != root &&
				(name[0] == '.' || name == "testdata" || name == "node_modules" || name == "bin" || name == "dist") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil && at != root {
				return filepath.SkipDir
			}
			return nil
		}
		switch filepath.Ext(name) {
		case ".go", ".js", ".mjs", ".ts", ".jsx", ".tsx", ".css", ".html":
		default:
			return nil
		}
		s, err := read(fset, root, at)
		if err == nil {
			all = append(all, s)
		}
		return err
	})
	ships := map[string]bool{}
	for _, s := range all {
		ships[path.Dir(s.Path)] = ships[path.Dir(s.Path)] || s.File != nil && !s.Test && path.Base(s.Path) != "doc.go"
	}
	for i := range all {
		dir := path.Dir(all[i].Path)
		all[i].Test = all[i].Test || slices.Contains(forTests, dir) || !ships[dir] && hasTests(all, dir)
	}
	return all, err
}

func hasTests(all []Source, dir string) bool {
	return slices.ContainsFunc(
		all,
		func(s Source) bool { return path.Dir(s.Path) == dir && strings.HasSuffix(s.Path, "_test.go") },
	)
}

func read(fset *token.FileSet, root, at string) (Source, error) {
	text, err := os.ReadFile(at)
	if err != nil {
		return Source{}, fmt.Errorf("read the source: %w", err)
	}
	rel, err := filepath.Rel(root, at)
	if err != nil {
		return Source{}, fmt.Errorf("read the source: %w", err)
	}
	s := Source{Path: filepath.ToSlash(rel), Text: string(text), Lines: strings.Count(string(text), "\n"), fset: fset}
	s.Test = strings.HasSuffix(s.Path, "_test.go")
	if strings.HasSuffix(at, ".go") {
		if s.File, err = parser.ParseFile(fset, at, text, parser.ParseComments); err != nil {
			return Source{}, fmt.Errorf("read the source: %w", err)
		}
	}
	return s, nil
}

func (s *Source) line(p token.Pos) int { return s.fset.Position(p).Line }

// imports maps the name under which a file uses a package to its path.
func (s *Source) imports() map[string]string {
	all := map[string]string{}
	for _, i := range s.File.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		name := path.Base(p)
		if len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" {
			name = path.Base(path.Dir(p))
		}
		if i.Name != nil {
			name = i.Name.Name
		}
		all[name] = p
	}
	return all
}

// Check holds the sources against the layers and every ban.
func Check(sources []Source, l Layers) []Violation {
	all := checkLayers(sources, l)
	for _, b := range bans {
		for i := range sources {
			s := &sources[i]
			if b.applies != nil && !b.applies(s) {
				continue
			}
			for _, line := range b.find(s) {
				all = append(all, Violation{s.Path, line, b.rule, b.why})
			}
		}
	}
	all = append(all, checkVariables(sources)...)
	all = append(all, checkDocs(sources)...)
	sort.SliceStable(all, func(i, j int) bool {
		return all[i].Path < all[j].Path || all[i].Path == all[j].Path && all[i].Line < all[j].Line
	})
	return all
}

func checkLayers(sources []Source, l Layers) []Violation {
	var all []Violation
	for i := range sources {
		s := &sources[i]
		if s.File == nil || s.Test {
			continue
		}
		from := path.Dir(s.Path)
		if _, ok := l[from]; !ok {
			all = append(
				all,
				Violation{
					s.Path,
					1,
					"a package without a layer",
					"internal/archtest/layers.go lists every package and what it may import",
				},
			)
			continue
		}
		for _, spec := range s.File.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			if to, ours := strings.CutPrefix(p, "bff/"); ours && !l.allows(from, to) {
				all = append(
					all,
					Violation{s.Path, s.line(spec.Pos()), from + " imports " + to, "internal/archtest/layers.go does not allow it"},
				)
			}
		}
	}
	return all
}
