package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"
)

const (
	masked   = "********"
	maxShown = 160 // runes of a line

	maxMistakes = 500 // of a file that is no configuration at all
)

// A source is a configuration file as its mistakes are shown. The rules are:
//
//  1. A mistake's text never repeats a value that could be a secret.
//  2. Of the offending line only what was recognised as harmless is shown: keys, and values of keys that hold no
//     secret. From the first other thing on, the line is masked. A secret under a misspelled key, or one that
//     stands where something else is expected, stays unseen.
type source struct {
	name     string
	lines    []string
	tokens   map[int][]*token.Token // by line
	harmless map[Position]bool      // scalars that may be shown, by where they begin
	broken   bool                   // the file does not parse, so tokens mean little
	mistakes []mistake
}

// A Position is a line and a column, in runes, both from 1. The zero Position is the file as a whole.
type Position struct{ Line, Column int }

// A mistake is one thing that is wrong with the file. Without a position it concerns the file as a whole.
type mistake struct {
	at   Position
	text string // "what is wrong; what to write instead"
}

func newSource(name string, text string) *source {
	s := &source{name: name, tokens: map[int][]*token.Token{}, harmless: map[Position]bool{}}
	for line := range strings.SplitSeq(text, "\n") {
		s.lines = append(s.lines, strings.TrimSuffix(line, "\r"))
	}
	return s
}

// wrong notes a mistake; the same one is noted once for a position.
func (s *source) wrong(at Position, format string, args ...any) {
	m := mistake{at, strings.Map(printable, fmt.Sprintf(format, args...))}
	switch {
	case len(s.mistakes) == maxMistakes:
		s.mistakes = append(s.mistakes, mistake{text: "there are more mistakes than these; is it the right file?"})
	case len(s.mistakes) < maxMistakes && !slices.Contains(s.mistakes, m):
		s.mistakes = append(s.mistakes, m)
	}
}

// reported says whether there is a mistake at a position already.
func (s *source) reported(at Position) bool {
	return slices.ContainsFunc(s.mistakes, func(m mistake) bool { return m.at == at })
}

// first returns the first mistake as an error: the end of a sentence about the file.
func (s *source) first() error {
	if len(s.mistakes) == 0 {
		return nil
	}
	m := s.mistakes[0]
	return fmt.Errorf("has a mistake in line %d: %s", max(1, m.at.Line), m.text)
}

// report prints every mistake in the order of the file, each with its line and a caret.
func (s *source) report() string {
	slices.SortStableFunc(s.mistakes, func(a, b mistake) int {
		return cmp.Or(cmp.Compare(a.at.Line, b.at.Line), cmp.Compare(a.at.Column, b.at.Column))
	})
	var b strings.Builder
	for _, m := range s.mistakes {
		if m.at.Line == 0 {
			fmt.Fprintf(&b, "%s: %s\n", s.name, m.text)
			continue
		}
		fmt.Fprintf(&b, "%s:%d:%d: %s\n", s.name, m.at.Line, m.at.Column, m.text)
		shown, caret := s.show(m.at.Line)
		line := []rune(shown)
		caret = min(m.at.Column-1, caret, len(line))
		if from := caret - maxShown/2; from > 0 && len(line) > maxShown { // what stands left of the window is dropped
			line, caret = append([]rune("…"), line[from:]...), caret-from+1
		}
		line = line[:min(len(line), maxShown)]
		fmt.Fprintf(
			&b,
			"%6d | %s\n       | %s^\n",
			m.at.Line,
			string(line),
			strings.Map(blankOut, string(line[:min(caret, len(line))])),
		)
	}
	return b.String()
}

// show gives a line with everything masked that is not known to be harmless, and the width of what is not masked.
func (s *source) show(line int) (string, int) {
	if line < 1 || line > len(s.lines) {
		return "", 0
	}
	whole := []rune(s.lines[line-1])
	seen := s.harmlessPart(line, whole)
	rest := strings.TrimSpace(string(whole[seen:]))
	shown := strings.Map(printable, string(whole[:seen]))
	if rest == "" {
		return strings.TrimRight(shown, " \t"), seen
	}
	if strings.HasPrefix(rest, "#") { // comments are nobody's business
		shown = strings.TrimRight(shown, " \t")
		return shown, len([]rune(shown))
	}
	return shown + masked, seen
}

// harmlessPart is how many runes of a line may be shown.
func (s *source) harmlessPart(line int, whole []rune) int {
	if s.broken {
		return brokenPart(string(whole))
	}
	seen := 0
	for _, t := range s.tokens[line] {
		begin := t.Position.Column - 1
		text := []rune(strings.TrimSpace(t.Origin))
		end := begin + len(text)
		switch {
		case begin < seen || end > len(whole) || !slices.Equal(whole[begin:end], text), // where it is not what it says, it runs over lines
			strings.TrimSpace(string(whole[seen:begin])) != "",
			t.Type == token.CommentType,
			!structural(t.Type) && !s.harmless[Position{line, t.Position.Column}]:
			return max(seen, min(begin, blank(whole, seen)))
		}
		seen = end
	}
	return blank(whole, seen)
}

// blank is where the white space ends that begins at i.
func blank(line []rune, i int) int {
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	return i
}

func structural(t token.Type) bool {
	switch t {
	case token.MappingValueType,
		token.MappingKeyType,
		token.SequenceEntryType,
		token.SequenceStartType,
		token.SequenceEndType,
		token.MappingStartType,
		token.MappingEndType,
		token.CollectEntryType,
		token.DocumentHeaderType,
		token.DocumentEndType,
		token.LiteralType,
		token.FoldedType,
		token.AnchorType,
		token.AliasType,
		token.MergeKeyType:
		return true
	}
	return false
}

var (
	lineWithKey = regexp.MustCompile(`^\s*(?:- +)*[a-z_]{1,32}\s*:(\s+|$)`)
	lineOfKey   = regexp.MustCompile(`^\s*(?:- +)*([a-z_]{1,32})\s*:?(\s+[^'"{}\[\]#|>&*!]*)?$`)
	lineOfRoute = regexp.MustCompile(`^\s*- +(GET|HEAD|POST|PUT|PATCH|DELETE) /\S*$`)
)

// brokenPart is harmlessPart for a file that does not parse: a key, and the value of a key that is known to hold no
// secret.
func brokenPart(line string) int {
	all := len([]rune(line))
	if strings.TrimSpace(line) == "" || lineOfRoute.MatchString(line) {
		return all
	}
	if m := lineOfKey.FindStringSubmatch(line); m != nil && plainKey(m[1]) && !strings.Contains(m[2], ": ") {
		return all
	}
	if m := lineWithKey.FindString(line); m != "" {
		return len([]rune(m))
	}
	return blank([]rune(line), 0)
}

// plainKey says whether a key's value is shown even where the file does not parse.
func plainKey(key string) bool {
	switch key {
	case "origin",
		"listen",
		"admin",
		"trusted_proxies",
		"session",
		"idle",
		"lifetime",
		"cookie",
		"prefix",
		"providers",
		"client_id",
		"scopes",
		"keep",
		"issuer",
		"apis",
		"path",
		"provider",
		"upstream",
		"allow",
		"timeout",
		"clients",
		"exchange",
		"frontend",
		"dir",
		"origins",
		"theme",
		"shutdown_timeout":
		return true
	}
	return false
}

// printable keeps control bytes of a file from reaching a terminal.
func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 ||
		r >= 0x202a && r <= 0x202e ||
		r >= 0x2066 && r <= 0x2069 {
		return '\uFFFD'
	}
	return r
}

func blankOut(r rune) rune {
	if r == '\t' {
		return r
	}
	return ' '
}

// Nearest returns the candidate that a misspelled word is most likely meant to be, or "".
func Nearest(word string, candidates []string) string {
	for _, c := range candidates { // `secret` for client_secret
		if strings.HasSuffix(c, "_"+word) || strings.HasPrefix(c, word+"_") {
			return c
		}
	}
	best, least := "", 1+max(1, len(word)/3)
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), c); d < least && d < len(c) { // not every letter
			best, least = c, d
		}
	}
	return best
}

// distance counts the letters to add, drop, replace or swap with their neighbour.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			change := 1
			if x[i] == y[j] {
				change = 0
			}
			row[j+1] = min(last[j]+change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
