package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// A value is a node of the file with its name and its positions. Its methods read shapes: a mapping, a list, a text.
// What a key means is read by the functions read…, each beside the part of the file it belongs to.
type value struct {
	r    *reader
	node ast.Node // never an anchor, alias or tag; nil and null are the same
	at   Position // where it begins
	key  Position // where the key it stands under begins
	path string   // "providers.google.client_id"
}

// spot is where a message about the whole value points: a block of keys is known by the key above it.
func (v value) spot() Position {
	if m, ok := asMapping(v.node); ok && !m.IsFlowStyle {
		return v.key
	}
	return v.at
}

func asMapping(node ast.Node) (*ast.MappingNode, bool) {
	m, ok := node.(*ast.MappingNode)
	return m, ok
}

func (v value) wrong(format string, args ...any) { v.r.wrong(v.at, format, args...) }

// name is how messages call the value.
func (v value) name() string {
	if v.path == "" {
		return "the file"
	}
	return "`" + v.path + "`"
}

func (v value) leaf() string {
	return v.path[strings.LastIndexByte(v.path, '.')+1:]
}

func (v value) null() bool {
	_, null := v.node.(*ast.NullNode)
	return v.node == nil || null
}

// kind names what stands there instead of what should.
func (v value) kind() string {
	switch v.node.(type) {
	case *ast.MappingNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	}
	return "a single value"
}

// unlike tells that something of another shape stands there, and what to write.
func (v value) unlike(want string) {
	switch _, reported := v.node.(*refused); {
	case reported || v.r.budget < 0:
	case v.null():
		v.r.wrong(v.key, "%s has no value; %s", v.name(), want)
	case v.glued():
		v.wrong("%s is a single value; is the space after a colon missing?", v.name())
	default:
		v.wrong("%s is %s; %s", v.name(), v.kind(), want)
	}
}

// glued says whether the value is a single one that was meant as a key and its value.
func (v value) glued() bool {
	s, ok := v.node.(*ast.StringNode)
	return ok && keyAndValue.MatchString(s.Value) && !strings.HasPrefix(s.Value, "env:") &&
		!strings.HasPrefix(s.Value, "file:")
}

var keyAndValue = regexp.MustCompile(`^[a-z_]{1,32}:[^\s/]`)

// object reads a mapping: every key once, no other key, none missing. It returns what was there.
func (v value) object(want string, fields ...field) map[string]value {
	m, ok := asMapping(v.node)
	if !ok {
		v.unlike(want)
		return nil
	}
	names := names(fields)
	seen := map[string]value{}
	v.pairs(m, func(key string, at Position, in value) {
		i := slices.Index(names, key)
		if i < 0 {
			v.unknown(key, at, names)
			return
		}
		v.r.harmless[at] = true
		seen[key] = in
		fields[i].read(in)
	})
	for _, f := range fields {
		if _, ok := seen[f.name]; !ok && f.missing != "" {
			at := v.key
			if v.path == "" {
				at = Position{}
			}
			v.r.wrong(at, "%s has no `%s`; %s", v.name(), f.name, f.missing)
		}
	}
	return seen
}

// pairs calls f for each key of a mapping, the first time it is there.
func (v value) pairs(m *ast.MappingNode, f func(key string, at Position, in value)) {
	first := map[string]int{}
	for _, pair := range m.Values {
		t := pair.Key.GetToken()
		if inner, ok := pair.Key.(*ast.MappingKeyNode); ok && inner.Value != nil {
			t = inner.Value.GetToken()
		}
		key, at := t.Value, positionOf(t)
		switch line, again := first[key]; {
		case pair.Key.IsMergeKey():
			v.r.wrong(at, "%s merges another mapping; write its keys out", v.name())
		case again:
			if sayable(key) {
				v.r.harmless[at] = true
				v.r.wrong(at, "`%s` is here a second time, after line %d; keep one", v.child(key), line)
			} else {
				v.r.wrong(at, "%s has a key twice, first on line %d; keep one", v.name(), line)
			}
		default:
			first[key] = at.Line
			f(key, at, v.r.value(pair.Value, at, v.child(key)))
		}
	}
}

func (v value) child(key string) string {
	if v.path == "" {
		return key
	}
	return v.path + "." + key
}

func (v value) unknown(key string, at Position, names []string) {
	near := Nearest(key, names)
	switch {
	case near != "" && sayable(key):
		v.r.harmless[at] = true
		v.r.wrong(at, "`%s` is not a key; did you mean `%s`?", v.child(key), near)
	case sayable(key):
		v.r.harmless[at] = true
		v.r.wrong(at, "`%s` is not a key; %s", v.child(key), instead(names))
	case strings.EqualFold(key, near):
		v.r.wrong(at, "%s has a key in capitals; write `%s`", v.name(), near)
	default:
		v.r.wrong(at, "%s has a key that is none; %s", v.name(), instead(names))
	}
}

func instead(names []string) string {
	if len(names) > 16 {
		return "docs/configuration.md lists those there are"
	}
	return "there are " + listed(names)
}

func listed(names []string) string {
	return "`" + strings.Join(names, "`, `") + "`"
}

var (
	word     = regexp.MustCompile(`^[a-z][a-z_]{0,31}$`)
	nameable = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9_-]{0,30}[a-z0-9])?$`)
)

// sayable says whether an unknown key may be repeated: a misplaced secret does not look like one of the keys.
func sayable(key string) bool { return word.MatchString(key) }

// named reads a mapping whose keys are names that the operator chose, in the file's order.
func (v value) named(want string, f func(name string, in value)) {
	m, ok := asMapping(v.node)
	if !ok {
		v.unlike(want)
		return
	}
	v.pairs(m, func(key string, at Position, in value) {
		if !nameable.MatchString(key) {
			v.r.wrong(
				at,
				"%s has a name that cannot stand in a URL; use at most 32 of a-z, 0-9, - and _, with a letter or digit at both ends",
				v.name(),
			)
			return
		}
		v.r.harmless[at] = true
		f(key, in)
	})
}

// list reads a list.
func (v value) list(want string, f func(i int, in value)) int {
	l, ok := v.node.(*ast.SequenceNode)
	if !ok {
		v.unlike(want)
		return 0
	}
	for i, n := range l.Values {
		f(i, v.r.value(n, v.key, v.path+"["+strconv.Itoa(i)+"]"))
	}
	return len(l.Values)
}

// hidden reads a single value that may be a secret. ok is false when the mistake is reported.
func (v value) hidden(want string) (text string, ok bool) {
	switch n := v.node.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = strings.TrimSuffix(n.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		text = n.GetToken().Value // as written
	default:
		v.unlike(want)
		return "", false
	}
	if text == "" {
		v.show()
		v.wrong("%s is empty; %s", v.name(), want)
		return "", false
	}
	return text, true
}

// text reads a single value that holds no secret.
func (v value) text(want string) (string, bool) {
	s, ok := v.hidden(want)
	if ok {
		v.show()
		ok = v.spelledOut(s)
	}
	return s, ok
}

// spelledOut refuses a reference where the value itself must stand.
func (v value) spelledOut(s string) bool {
	switch {
	case strings.HasPrefix(s, "env:"), strings.HasPrefix(s, "file:"):
		v.wrong("%s is not read from elsewhere, as secrets are; write the value itself", v.name())
	case strings.HasPrefix(s, "${"):
		v.wrong("%s is not expanded, here or anywhere in the file; write the value itself", v.name())
	default:
		return true
	}
	return false
}

// show lets the value appear in the report.
func (v value) show() {
	t := v.node.GetToken()
	if l, ok := v.node.(*ast.LiteralNode); ok {
		t = l.Value.GetToken()
	}
	v.r.harmless[positionOf(t)] = true
}

// texts reads a list of single values.
func (v value) texts(want string) []string {
	out := []string{}
	v.list(want, func(_ int, in value) {
		s, ok := in.text(want)
		if ok && slices.Contains(out, s) {
			in.wrong("%s is in the list twice; keep one", in.name())
		}
		out = append(out, s) // also a bad one: later mistakes count the items
	})
	return out
}

// one reads one of a few words.
func (v value) one(words ...string) (string, bool) {
	want := "write `" + v.leaf() + ": " + words[0] + "`"
	if len(words) > 1 {
		want = "write one of " + listed(words)
	}
	s, ok := v.text(want)
	if !ok {
		return "", false
	}
	if !slices.Contains(words, s) {
		if near := Nearest(s, words); near != "" {
			want = "did you mean `" + near + "`?"
		}
		v.wrong("%s is none of its values; %s", v.name(), want)
		return "", false
	}
	return s, true
}

// flag reads true or false.
func (v value) flag() (bool, bool) {
	b, ok := v.node.(*ast.BoolNode)
	if !ok {
		v.unlike("write `" + v.leaf() + ": true` or `" + v.leaf() + ": false`")
		return false, false
	}
	v.show()
	return b.Value, true
}

// flagOr reads true, false or a word, which counts as true.
func (v value) flagOr(word string) (flag, isWord bool) {
	if s, ok := v.node.(*ast.StringNode); ok && s.Value == word {
		v.show()
		return true, true
	}
	b, ok := v.node.(*ast.BoolNode)
	if !ok {
		v.unlike("write `" + v.leaf() + ": true`, `" + v.leaf() + ": false` or `" + v.leaf() + ": " + word + "`")
		return false, false
	}
	v.show()
	return b.Value, false
}

// number reads a whole number within bounds.
func (v value) number(least, most int) (int, bool) {
	want := fmt.Sprintf("write a whole number from %d to %d", least, most)
	s, ok := v.text(want)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if t := v.node.GetToken(); err != nil || n < least || n > most || t.Type != token.IntegerType {
		v.wrong("%s is not a number it can be; %s", v.name(), want)
		return 0, false
	}
	return n, true
}

var (
	digits = regexp.MustCompile(`^[0-9]+$`)
	days   = regexp.MustCompile(`^([0-9]{1,4})d$`)
)

// duration reads a Go duration within bounds.
func (v value) duration(least, most time.Duration) (time.Duration, bool) {
	s, ok := v.text("write a duration such as `30s`, `5m` or `12h`")
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil && digits.MatchString(s):
		v.wrong("%s has no unit; write `%ss`, `%sm` or `%sh`", v.name(), s, s, s)
	case err != nil && days.MatchString(s):
		n, _ := strconv.Atoi(days.FindStringSubmatch(s)[1])
		v.wrong("%s is in days, which differ in length; write `%dh`", v.name(), n*24)
	case err != nil:
		v.wrong("%s is not a duration; write one such as `30s`, `5m` or `12h`", v.name())
	case d < least:
		v.wrong("%s is too short; write at least `%s`", v.name(), short(least))
	case d > most:
		v.wrong("%s is too long; write at most `%s`", v.name(), short(most))
	default:
		return d, true
	}
	return 0, false
}

// short writes a duration without its zero parts.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

const year = 366 * 24 * time.Hour
