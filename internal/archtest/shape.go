package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Columns is where a line ends, a tab being one column.
const Columns = 120

// Wide returns the share of the lines of Go that are longer than [Columns]. Lines in the middle of raw strings count too: tests
// have tables of long texts, which is what the share allows for.
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

// A Type is a type with the number of its methods, by "package.Type". What another type that it embeds brings does not
// count: that has a wall of its own.
type Type struct {
	Name    string
	Methods int
}

// Types returns every type outside tests that has methods, the one with the most first.
func Types(sources []Source) (all []Type) {
	count := map[string]int{}
	for _, s := range sources {
		if s.Test || s.File == nil {
			continue
		}
		for _, d := range s.File.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil {
				count[path.Dir(s.Path)+"."+receiver(f.Recv.List[0].Type)]++
			}
		}
	}
	for name, n := range count {
		all = append(all, Type{name, n})
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
