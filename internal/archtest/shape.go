package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Columns is where a line ends, a tab being one column.
const Columns = 120

// Wide returns the share of the lines of Go that are longer than [Columns]. Lines in the middle of raw strings count
// too: tests have tables of long texts, which is what the share allows for.
func Wide(sources []Source) float64 {
	lines, wide := 0, 0
	for _, s := range sources {
		if s.File == nil {
			continue
		}
		for line := range strings.Lines(s.Text) {
			lines++
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > Columns {
				wide++
			}
		}
	}
	return float64(wide) / float64(max(lines, 1))
}

// A Branching is a function with the number of ways through it: one, and one more for every if, for, case, && and ||
// in it, function literals included (McCabe, 1976).
type Branching struct {
	At    string // file and function
	Paths int
}

// Branchings returns every function outside tests, the most branching first.
func Branchings(sources []Source) (all []Branching) {
	for _, s := range sources {
		if s.Test || s.File == nil {
			continue
		}
		for _, d := range s.File.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				all = append(all, Branching{fmt.Sprintf("%s %s", s.Path, f.Name.Name), paths(f.Body)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Branching) int { return cmp.Compare(b.Paths, a.Paths) })
	return all
}

func paths(body *ast.BlockStmt) int {
	n := 1
	ast.Inspect(body, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if node.List != nil {
				n++
			}
		case *ast.CommClause:
			if node.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LAND || node.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}

// Waits returns where tests wait for as long as it takes: for a channel outside a select, or for a WaitGroup. Only the
// timeout of the whole test binary ends such a wait, which says nothing of what was waited for. A receive from what a
// call returns is none (time.After, Context().Done()): it has its bound there. Benchmarks take the time that they take.
func Waits(sources []Source) (all []string) {
	for _, s := range sources {
		if s.File == nil || !strings.HasSuffix(s.Path, "_test.go") || path.Dir(s.Path) == "internal/bench" {
			continue
		}
		chosen := map[ast.Node]bool{} // by a select
		ast.Inspect(s.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CommClause:
				switch c := n.Comm.(type) {
				case *ast.ExprStmt:
					chosen[c.X] = true
				case *ast.AssignStmt:
					chosen[c.Rhs[0]] = true
				}
			case *ast.UnaryExpr:
				if _, call := n.X.(*ast.CallExpr); n.Op == token.ARROW && !chosen[n] && !call {
					all = append(all, fmt.Sprintf("%s:%d", s.Path, s.line(n.Pos())))
				}
			case *ast.ExprStmt:
				if isWait(n.X) {
					all = append(all, fmt.Sprintf("%s:%d", s.Path, s.line(n.Pos())))
				}
			case *ast.DeferStmt:
				if isWait(n.Call) {
					all = append(all, fmt.Sprintf("%s:%d", s.Path, s.line(n.Pos())))
				}
			}
			return true
		})
	}
	return all
}

// isWait reports whether e calls a method Wait whose result, if it has one, is not used.
func isWait(e ast.Expr) bool {
	c, ok := e.(*ast.CallExpr)
	if !ok || len(c.Args) > 0 {
		return false
	}
	f, ok := c.Fun.(*ast.SelectorExpr)
	return ok && f.Sel.Name == "Wait" && fmt.Sprint(f.X) != "synctest"
}

// A word that the glossary replaced, as the name of a type, function, variable, field or parameter.
var replaced = regexp.MustCompile(`^(?i)(mend|heed|told|kin|bury|seat|memo|errand|cast|stage)(s|ed)?$`)

// Replaced returns where a word that the glossary replaced is the name of something.
func Replaced(sources []Source) (all []string) {
	for i := range sources {
		if s := &sources[i]; s.File != nil {
			for _, line := range replacedWords(s) {
				all = append(all, fmt.Sprintf("%s:%d", s.Path, line))
			}
		}
	}
	return all
}

func replacedWords(s *Source) (lines []int) {
	declares := func(id *ast.Ident) {
		if id != nil && replaced.MatchString(id.Name) {
			lines = append(lines, s.line(id.Pos()))
		}
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			declares(n.Name)
		case *ast.TypeSpec:
			declares(n.Name)
		case *ast.ValueSpec:
			for _, id := range n.Names {
				declares(id)
			}
		case *ast.Field:
			for _, id := range n.Names {
				declares(id)
			}
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					declares(id)
				}
			}
		}
		return true
	})
	return lines
}

// A Type is a type, by "package.Type", with the number of its own methods, and of those that others can call: its own
// and the ones that embedded types of its package bring.
type Type struct {
	Name             string
	Methods, Offered int
}

// Types returns every type outside tests that has methods, the one with the most first.
func Types(sources []Source) (all []Type) {
	own, exported, embeds := map[string]int{}, map[string][]string{}, map[string][]string{}
	for _, s := range sources {
		if s.Test || s.File == nil {
			continue
		}
		in := path.Dir(s.Path) + "."
		ast.Inspect(s.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil {
					break
				}
				name := in + receiver(n.Recv.List[0].Type)
				own[name]++
				if n.Name.IsExported() {
					exported[name] = append(exported[name], n.Name.Name)
				}
			case *ast.TypeSpec:
				if st, ok := n.Type.(*ast.StructType); ok {
					for _, f := range st.Fields.List {
						if name := receiver(f.Type); len(f.Names) == 0 && name != "" {
							embeds[in+n.Name.Name] = append(embeds[in+n.Name.Name], in+name)
						}
					}
				}
			}
			return true
		})
	}
	var offered func(name string, to map[string]bool)
	offered = func(name string, to map[string]bool) {
		for _, method := range exported[name] {
			to[method] = true
		}
		for _, part := range embeds[name] {
			offered(part, to)
		}
	}
	for name := range own {
		methods := map[string]bool{}
		offered(name, methods)
		all = append(all, Type{name, own[name], len(methods)})
	}
	slices.SortFunc(all, func(a, b Type) int {
		return cmp.Or(cmp.Compare(b.Methods, a.Methods), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// receiver is the name of a receiver's type, without pointer and type parameters.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
