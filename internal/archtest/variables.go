package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"strings"
)

const changes = "a package variable that changes"

const whyChanges = "state that belongs to nobody is shared by every test and every instance in the process: put " +
	"it into the value that uses it"

// checkVariables finds package variables that change: written after their declaration, or made of something that only
// exists to change. Errors, compiled expressions, scripts, tables and embedded files never do.
func checkVariables(sources []Source) []Violation {
	var all []Violation
	declared := map[string]map[string]bool{} // package -> its variables
	for i := range sources {
		s := &sources[i]
		if s.File == nil {
			continue
		}
		if declared[pkg(s)] == nil {
			declared[pkg(s)] = map[string]bool{}
		}
		for _, d := range s.File.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for _, name := range v.Names {
					declared[pkg(s)][name.Name] = true
				}
				if stateful(s, g, v) {
					all = append(all, Violation{s.Path, s.line(v.Pos()), changes, whyChanges})
				}
			}
		}
	}
	for i := range sources {
		if s := &sources[i]; s.File != nil {
			for _, line := range writes(s, declared[pkg(s)]) {
				all = append(all, Violation{s.Path, line, changes, whyChanges})
			}
		}
	}
	return all
}

func pkg(s *Source) string { return path.Dir(s.Path) + " " + s.File.Name.Name }

// stateful says whether a variable is declared without a value, or as something that is made to change.
func stateful(s *Source, g *ast.GenDecl, v *ast.ValueSpec) bool {
	known := s.imports()
	if len(v.Values) == 0 {
		for _, doc := range []*ast.CommentGroup{g.Doc, v.Doc} {
			if doc != nil {
				for _, c := range doc.List {
					if strings.HasPrefix(c.Text, "//go:embed ") {
						return false
					}
				}
			}
		}
		return true
	}
	found := false
	check := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false // what is inside lives when it runs
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "make" || id.Name == "new") {
				found = true
			}
		case *ast.SelectorExpr:
			once := n.Sel.Name == "OnceValue" || n.Sel.Name == "OnceValues" || n.Sel.Name == "OnceFunc"
			if id, ok := n.X.(*ast.Ident); ok && (known[id.Name] == "sync/atomic" || known[id.Name] == "sync" && !once) {
				found = true
			}
		}
		return true
	}
	if v.Type != nil {
		ast.Inspect(v.Type, check)
	}
	for _, value := range v.Values {
		ast.Inspect(value, check)
	}
	return found
}

// writes is the lines of a file that write to a variable of its package.
func writes(s *Source, vars map[string]bool) (lines []int) {
	note := func(e ast.Expr) {
		if id := root(e); id != nil && vars[id.Name] && !local(s.File, id) {
			lines = append(lines, s.line(e.Pos()))
		}
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, l := range n.Lhs {
					note(l)
				}
			}
		case *ast.IncDecStmt:
			note(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				note(n.X)
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(n.Args) > 0 {
				note(n.Args[0])
			}
		}
		return true
	})
	return lines
}

// root is the variable that an expression reaches into.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// local says whether a name is declared inside a function. The parser resolves names within a file; what it does not
// find, and what it finds at the file's top, is of the package.
func local(f *ast.File, id *ast.Ident) bool {
	return id.Obj != nil && f.Scope.Lookup(id.Name) != id.Obj
}
