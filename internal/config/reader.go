package config

import (
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// A reader reads one file's values, and whatever they refer to outside it.
type reader struct {
	*source
	env       func(string) string
	dir       string // that relative paths start from: the file's own
	anchors   map[string]ast.Node
	budget    int                 // values that may still be read
	positions map[string]Position // where each value is, by its path
	files     []string            // that values refer to
	leaves    leaves              // what was read
	standIns  bool                // a secret that is not set has a random value
}

func newReader(src *source, env func(string) string, file string, positions map[string]Position) *reader {
	return &reader{
		source:    src,
		env:       env,
		dir:       filepath.Dir(file),
		anchors:   map[string]ast.Node{},
		budget:    maxValues,
		positions: positions,
		leaves:    leaves{},
	}
}

// where is the position of the first of the paths that the file has.
func (r *reader) where(paths ...string) Position {
	for _, p := range paths {
		if at, ok := r.positions[p]; ok {
			return at
		}
	}
	return Position{}
}

func (r *reader) top(node ast.Node) value { return r.value(node, Position{1, 1}, "") }

// value looks through anchors, aliases and tags. An alias counts as what it stands for, within the budget.
func (r *reader) value(node ast.Node, key Position, path string) value {
	v := value{r: r, key: key, at: key, path: path}
	defer func() {
		r.positions[path] = v.spot()
		r.leaves.addNode(path, v.node)
	}()
	if r.budget--; r.budget < 0 {
		if r.budget == -1 {
			r.wrong(key, "stands for too many values; write the values out instead of aliases")
		}
		return v
	}
	for range maxNesting {
		switch n := node.(type) {
		case *ast.AnchorNode:
			name := r.name(n.Name)
			r.anchors[name], node = n.Value, n.Value
			continue
		case *ast.AliasNode:
			name := r.name(n.Value)
			target, ok := r.anchors[name]
			if !ok {
				r.wrong(positionOf(n.GetToken()), "%s refers to an anchor that is not above it; write the value out", v.name())
				return value{r: r, key: key, at: key, path: path, node: &refused{}}
			}
			v.at, node = positionOf(n.GetToken()), target
			continue
		case *ast.TagNode:
			r.wrong(positionOf(n.GetToken()), "%s has a YAML tag; remove it", v.name())
			node = n.Value
			continue
		case *ast.MappingValueNode:
			node = ast.Mapping(n.GetToken(), false, n)
			continue
		case *ast.MappingNode:
			if whole := r.rejoin(n); whole != nil {
				node = whole
			}
		}
		break
	}
	if v.node = node; node != nil && v.at == key {
		v.at = begin(node)
	}
	return v
}

// rejoin undoes a liberty of the parser: inside braces it takes the plain text env:NAME for a mapping, where YAML
// wants a space after the colon (YAML 1.2.2 section 7.3.3). nil: it is a mapping.
func (r *reader) rejoin(m *ast.MappingNode) *ast.StringNode {
	if m.IsFlowStyle || len(m.Values) != 1 {
		return nil
	}
	key, colon := m.Values[0].Key.GetToken(), m.Values[0].Start
	val, ok := m.Values[0].Value.(ast.ScalarNode)
	if !ok || key == nil || colon == nil || val.GetToken() == nil {
		return nil
	}
	end := val.GetToken()
	plain := func(t *token.Token) bool {
		return t.Indicator == token.NotIndicator && t.Position.Line == key.Position.Line
	}
	if !plain(key) || !plain(end) || colon.Position.Column != key.Position.Column+len([]rune(key.Value)) ||
		end.Position.Column != colon.Position.Column+1 {
		return nil
	}
	whole := token.String(key.Value+":"+end.Value, key.Value+":"+end.Value, key.Position)
	line := r.tokens[key.Position.Line]
	if i := slices.Index(line, key); i >= 0 && i+2 < len(line) && line[i+2] == end {
		r.tokens[key.Position.Line] = slices.Replace(line, i, i+3, whole)
	}
	return ast.String(whole)
}

// refused is a node of which the mistake is reported already.
type refused struct{ ast.NullNode }

// name reads the name of an anchor and lets it be shown.
func (r *reader) name(n ast.Node) string {
	if n == nil || n.GetToken() == nil {
		return ""
	}
	r.harmless[positionOf(n.GetToken())] = true
	return n.GetToken().Value
}

// begin is where a reader of the file would say that a node begins.
func begin(node ast.Node) Position {
	if m, ok := node.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return begin(m.Values[0].Key)
	}
	return positionOf(node.GetToken())
}
