package archtest

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A ban is something that does not occur. To add one: a row here, and a line that breaks it in testdata.
type ban struct {
	rule    string
	why     string                // one sentence
	applies func(s *Source) bool  // nil: everywhere
	find    func(s *Source) []int // lines
}

const (
	maxFile     = 450
	maxFunction = 60
)

var bans = []ban{
	{
		"math/rand",
		"a value that somebody must not guess needs crypto/rand, and nobody should have to check which values those are",
		goFile,
		imports("math/rand", "math/rand/v2"),
	},
	{"http.DefaultClient", "it has no timeout, follows redirects anywhere, and is shared with every library", goFile,
		selects("net/http", "DefaultClient", "DefaultTransport", "Get", "Post", "Head", "PostForm")},
	{
		"ReverseProxy.Director",
		"what it removes comes back through the Connection header; Rewrite runs after hop-by-hop headers are gone",
		goFile,
		director,
	},
	{
		"io.ReadAll without a bound",
		"a stranger's body ends when the stranger wants: read through io.LimitReader or http.MaxBytesReader, or say on " +
			"the line by whom it is `bounded`",
		shipped,
		readAll,
	},
	{"func init()", "it runs before anybody can configure it, and its order is nobody's", goFile, inits},
	{
		"time.Sleep in a test",
		"it is too long or too short: wait for the thing itself, testenv.Eventually or a channel",
		testFile,
		selects("time", "Sleep"),
	},
	{"a skipped test", "a test that does not run proves nothing and looks as if it did", testFile, skips},
	{"TODO", "what is not built stays out; what is broken is an issue", nil, todos},
	{"a name that says nothing", "a package is named by the one thing it owns", goFile, packageNames},
	{
		"a test from inside",
		"tests use what users use: package x_test; what they must reach is exported for them in export_test.go",
		testFile,
		insideTest,
	},
	{"a long file", "one file, one concept: more than 450 lines hold several", nil, longFile},
	{
		"a long function",
		"more than 60 lines hide their shape; where it cannot be shorter its comment says why, in a line that begins " +
			"with `Long:`",
		shipped,
		longFunction,
	},
	{
		"a server without bounds",
		"without ReadHeaderTimeout and MaxHeaderBytes one slow or fat client is enough",
		shipped,
		servers,
	},
	{"Redis outside the vault", "what is stored is sealed, and only the vault seals", layersBut("internal/vault"),
		imports(
			"github.com/redis/go-redis/v9",
			"github.com/gorilla/sessions",
			"github.com/rbcervilla/redisstore/v9",
			"github.com/alicebob/miniredis/v2",
		)},
	{
		"ciphers outside the vault",
		"cryptography in one place can be reviewed in one sitting",
		layersBut("internal/vault"),
		imports("crypto/cipher", "crypto/aes"),
	},
	{
		"a token endpoint outside oauth",
		"one package speaks to providers, so one place classifies what they say",
		layersBut("internal/oauth"),
		imports("golang.org/x/oauth2", "golang.org/x/oauth2/google", "github.com/coreos/go-oidc/v3/oidc"),
	},
	{
		"an answer to a browser below the API",
		"oauth and the vault know no browser but for the one cookie that the vault sets",
		in("internal/oauth"),
		selects("net/http", "ResponseWriter"),
	},
}

func goFile(s *Source) bool   { return s.File != nil }
func testFile(s *Source) bool { return s.File != nil && strings.HasSuffix(s.Path, "_test.go") }
func shipped(s *Source) bool  { return s.File != nil && !s.Test }

func in(dir string) func(*Source) bool {
	return func(s *Source) bool { return shipped(s) && below(s, dir) }
}

// below reports whether s is in the package dir, or in one below it.
func below(s *Source, dir string) bool {
	at := path.Dir(s.Path)
	return at == dir || strings.HasPrefix(at, dir+"/")
}

// layersBut is every layer of the product but one. The demo plays the other side and has its own.
func layersBut(dir string) func(*Source) bool {
	return func(s *Source) bool {
		return shipped(s) && !below(s, dir) && !below(s, "internal/demo")
	}
}

func imports(paths ...string) func(*Source) []int {
	return func(s *Source) (lines []int) {
		for _, i := range s.File.Imports {
			if slices.Contains(paths, strings.Trim(i.Path.Value, `"`)) {
				lines = append(lines, s.line(i.Pos()))
			}
		}
		return lines
	}
}

// selects finds uses of a package's names, under whatever name the file imports it.
func selects(pkg string, names ...string) func(*Source) []int {
	return func(s *Source) (lines []int) {
		known := s.imports()
		ast.Inspect(s.File, func(n ast.Node) bool {
			if isOf(n, known, pkg, names...) {
				lines = append(lines, s.line(n.Pos()))
			}
			return true
		})
		return lines
	}
}

func isOf(n ast.Node, known map[string]string, pkg string, names ...string) bool {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok || !slices.Contains(names, sel.Sel.Name) {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && known[id.Name] == pkg
}

func director(s *Source) (lines []int) {
	ast.Inspect(s.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if id, ok := n.Key.(*ast.Ident); ok && id.Name == "Director" {
				lines = append(lines, s.line(n.Pos()))
			}
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				if sel, ok := l.(*ast.SelectorExpr); ok && sel.Sel.Name == "Director" {
					lines = append(lines, s.line(n.Pos()))
				}
			}
		}
		return true
	})
	return lines
}

func readAll(s *Source) (lines []int) {
	known := s.imports()
	said := map[int]bool{}
	for _, g := range s.File.Comments {
		for _, c := range g.List {
			if strings.HasPrefix(c.Text, "// bounded ") {
				said[s.line(c.Pos())] = true
			}
		}
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !isOf(call.Fun, known, "io", "ReadAll") {
			return true
		}
		if said[s.line(call.Pos())] {
			return true
		}
		if inner, ok := call.Args[0].(*ast.CallExpr); !ok ||
			!isOf(inner.Fun, known, "io", "LimitReader") && !isOf(inner.Fun, known, "net/http", "MaxBytesReader") {
			lines = append(lines, s.line(call.Pos()))
		}
		return true
	})
	return lines
}

func inits(s *Source) (lines []int) {
	for _, d := range s.File.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			lines = append(lines, s.line(f.Pos()))
		}
	}
	return lines
}

func skips(s *Source) (lines []int) {
	ast.Inspect(s.File, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok &&
			(sel.Sel.Name == "Skip" || sel.Sel.Name == "Skipf" || sel.Sel.Name == "SkipNow") {
			lines = append(lines, s.line(n.Pos()))
		}
		return true
	})
	return lines
}

var later = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)

func todos(s *Source) (lines []int) {
	if strings.HasPrefix(s.Path, "internal/archtest/") { // names what it bans
		return nil
	}
	n := 0
	for line := range strings.Lines(s.Text) {
		if n++; later.MatchString(line) {
			lines = append(lines, n)
		}
	}
	return lines
}

func packageNames(s *Source) []int {
	name := strings.TrimSuffix(s.File.Name.Name, "_test")
	if slices.Contains(
		[]string{"util", "utils", "common", "models", "mocks", "helpers", "misc", "shared", "types"},
		name,
	) {
		return []int{s.line(s.File.Name.Pos())}
	}
	return nil
}

func insideTest(s *Source) []int {
	if strings.HasSuffix(s.File.Name.Name, "_test") || path.Base(s.Path) == "export_test.go" ||
		s.File.Name.Name == "main" {
		return nil
	}
	return []int{s.line(s.File.Name.Pos())}
}

func longFile(s *Source) []int {
	if s.Lines > maxFile {
		return []int{s.Lines}
	}
	return nil
}

func longFunction(s *Source) (lines []int) {
	for _, d := range s.File.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil || s.line(f.End())-s.line(f.Pos())+1 <= maxFunction {
			continue
		}
		if f.Doc != nil && strings.Contains("\n"+f.Doc.Text(), "\nLong: ") {
			continue
		}
		lines = append(lines, s.line(f.Pos()))
	}
	return lines
}

func servers(s *Source) (lines []int) {
	known := s.imports()
	ast.Inspect(s.File, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || lit.Type == nil || !isOf(lit.Type, known, "net/http", "Server") {
			return true
		}
		set := map[string]bool{}
		for _, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if id, ok := kv.Key.(*ast.Ident); ok {
					set[id.Name] = true
				}
			}
		}
		if !set["ReadHeaderTimeout"] || !set["MaxHeaderBytes"] {
			lines = append(lines, s.line(lit.Pos()))
		}
		return true
	})
	return lines
}

// checkDocs wants a doc.go with a package comment in every package that ships.
func checkDocs(sources []Source) []Violation {
	documented, seen := map[string]bool{}, map[string]bool{}
	for i := range sources {
		s := &sources[i]
		if s.File == nil || s.File.Name.Name == "main" || strings.HasSuffix(s.Path, "_test.go") {
			continue
		}
		dir := path.Dir(s.Path)
		seen[dir] = true
		if path.Base(s.Path) == "doc.go" && s.File.Doc != nil {
			documented[dir] = true
		}
	}
	var all []Violation
	for dir := range seen {
		if !documented[dir] && dir != "web" { // its one file is its doc.go
			all = append(
				all,
				Violation{
					dir + "/doc.go",
					1,
					"a package without doc.go",
					"a package opens with what it owns, what it refuses, its flow and its RFCs",
				},
			)
		}
	}
	return all
}

// Rules is the name of every ban.
func Rules() []string {
	all := []string{changes}
	for _, b := range bans {
		all = append(all, b.rule)
	}
	return all
}
