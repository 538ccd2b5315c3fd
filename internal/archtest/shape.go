package archtest

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
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
