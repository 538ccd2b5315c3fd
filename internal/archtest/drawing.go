package archtest

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strings"
)

// A Drawing is what may import what: from a package to those that an arrow, or several in a row, leads to.
type Drawing map[string]map[string]bool

var drawn = regexp.MustCompile(`cmd/[a-z]+|internal/[a-z/]+|\bweb\b`)

// ReadDrawing reads the first code block of a document. Arrows go along a line; a line below begins where a stroke comes down from a name
// above, and a ▲ at its end points to the name above it.
func ReadDrawing(document string) (Drawing, error) {
	_, rest, ok := strings.Cut(document, "\n```\n")
	block, _, ok2 := strings.Cut(rest, "\n```\n")
	if !ok || !ok2 {
		return nil, errors.New("read the drawing: no code block")
	}
	d := Drawing{}
	var lines [][]rune
	for line := range strings.Lines(block) {
		lines = append(lines, []rune(strings.TrimRight(line, "\n")))
	}
	for i, line := range lines {
		names := namesOf(line)
		if len(names) == 0 {
			continue
		}
		from := ""
		if branch := strings.IndexAny(string(line), "├└"); branch >= 0 {
			if from = above(lines, i, len([]rune(string(line)[:branch]))); from == "" {
				return nil, fmt.Errorf("read the drawing: line %d hangs from nothing", i+1)
			}
		}
		for _, n := range names {
			d.add(from, n.name)
			from = n.name
		}
		if up := strings.IndexRune(string(line), '▲'); up >= 0 {
			to := above(lines, i, len([]rune(string(line)[:up])))
			if to == "" {
				return nil, fmt.Errorf("read the drawing: line %d points at nothing", i+1)
			}
			d.add(from, to)
		}
	}
	d.close()
	return d, nil
}

type placed struct {
	name       string
	start, end int // in runes
}

func namesOf(line []rune) []placed {
	var all []placed
	text := string(line)
	if paren := strings.Index(text, " ("); paren >= 0 { // a remark, no name
		text = text[:paren]
	}
	for _, at := range drawn.FindAllStringIndex(text, -1) {
		start := len([]rune(text[:at[0]]))
		all = append(all, placed{text[at[0]:at[1]], start, start + len(text[at[0]:at[1]])})
	}
	return all
}

// above is the nearest name over a column, "" when there is none.
func above(lines [][]rune, i, column int) string {
	for i--; i >= 0; i-- {
		for _, n := range namesOf(lines[i]) {
			if n.start <= column && column < n.end {
				return n.name
			}
		}
	}
	return ""
}

func (d Drawing) add(from, to string) {
	for _, n := range []string{from, to} {
		if n != "" && d[n] == nil {
			d[n] = map[string]bool{}
		}
	}
	if from != "" {
		d[from][to] = true
	}
}

// close makes arrows in a row one arrow: api may use vault because oauth may.
func (d Drawing) close() {
	for range d {
		for _, to := range d {
			for t := range to {
				for far := range d[t] {
					to[far] = true
				}
			}
		}
	}
}

// Layers is the first column of the table of layers, without "internal/".
func Layers(document string) []string {
	var all []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\|").FindAllStringSubmatch(document, -1) {
		all = append(all, row[1])
	}
	sort.Strings(all)
	return all
}

// Names is every package of the drawing, without "internal/".
func (d Drawing) Names() []string {
	var all []string
	for n := range d {
		all = append(all, strings.TrimPrefix(n, "internal/"))
	}
	sort.Strings(all)
	return all
}
