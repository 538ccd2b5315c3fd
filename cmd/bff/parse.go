package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a configuration file: what a person writes is far below, what exhausts a parser is far above.
const (
	maxFile    = 256 << 10
	maxNesting = 32
	maxValues  = 20_000 // values read, each alias counted again
)

// parse reads one YAML document. What is wrong with it as YAML goes to the source; the top is nil then.
func parse(name string, data []byte) (*source, ast.Node) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(data) > maxFile {
		s := newSource(name, "")
		s.wrong(place{}, "is larger than %d KiB; a configuration is a few kilobytes: is it the right file?", maxFile>>10)
		return s, nil
	}
	s := newSource(name, string(data))
	if at, what := unreadable(data); what != "" {
		s.broken = true
		s.wrong(at, "%s", what)
		return s, nil
	}
	tokens := lexer.Tokenize(string(data))
	for _, t := range tokens {
		if t.Position != nil {
			s.tokens[t.Position.Line] = append(s.tokens[t.Position.Line], t)
		}
	}
	if at, deep := nested(tokens); deep {
		s.broken = true
		s.wrong(at, "is nested more than %d deep; nothing in a configuration is", maxNesting)
		return s, nil
	}
	file, err := parseTokens(tokens)
	if err != nil {
		s.broken = true
		s.syntax(err)
		return s, nil
	}
	return s, s.document(file)
}

// parseTokens is the parser, which a hostile file may make panic.
func parseTokens(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			file, err = nil, errors.New("the parser gave up")
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // repeated keys are told with everything else
}

// unreadable finds what no text file holds.
func unreadable(data []byte) (place, string) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return place{1, 1}, "is UTF-16; save the file as UTF-8"
	}
	at := place{1, 1}
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && n == 1:
			return at, "is not UTF-8; save the file as UTF-8"
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r == 0x7f:
			return at, "holds a control character; remove it"
		}
		if at.column++; r == '\n' {
			at = place{at.line + 1, 1}
		}
		data = data[n:]
	}
	return place{}, ""
}

// nested finds where tokens nest deeper than a configuration does, before the parser goes there.
func nested(tokens token.Tokens) (place, bool) {
	flow, inLine, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position == nil {
			continue
		}
		if t.Position.Line != line {
			line, inLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow = max(0, flow-1)
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			inLine++
		}
		if flow > maxNesting || inLine > maxNesting || t.Position.Column > 2048 && t.Type == token.SequenceEntryType {
			return place{line, t.Position.Column}, true
		}
	}
	return place{}, false
}

// document takes the one document of a file.
func (s *source) document(file *ast.File) ast.Node {
	var top ast.Node
	for _, d := range file.Docs {
		switch body := d.Body.(type) {
		case nil:
		case *ast.DirectiveNode:
			s.wrong(placeOf(body.GetToken()), "is a YAML directive; remove the line")
		default:
			if top != nil {
				s.wrong(placeOf(d.Start), "is a second document; a configuration is one document: remove everything from `---` on")
				return top
			}
			top = body
		}
	}
	if top == nil && len(s.mistakes) == 0 {
		s.wrong(place{}, "is empty; begin with `origin: https://app.example.com` and see docs/configuration.md, or try `bff dev`, which needs no file")
	}
	return top
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}

// syntax tells why a file does not parse, in words of its own: the parser's may repeat what the file holds.
func (s *source) syntax(err error) {
	tabs := false
	for i, line := range s.lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if at := strings.IndexByte(indent, '\t'); at >= 0 && strings.TrimSpace(line) != "" {
			s.wrong(place{i + 1, at + 1}, "is indented with a tab; YAML wants spaces")
			tabs = true
		}
	}
	if tabs {
		return
	}
	var e *yaml.SyntaxError
	if !errors.As(err, &e) {
		s.wrong(place{}, "is not YAML; see docs/configuration.md for a complete file")
		return
	}
	at := placeOf(e.Token)
	s.wrong(at, "%s", plainSyntax(e.Message, s.lineAt(at.line)))
}

func (s *source) lineAt(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

func plainSyntax(message, line string) string {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(message, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("end character of double-quoted", "end character of single-quoted"):
		return "opens a quote that is never closed; close it"
	case has("flow mapping end token", "'}' must be specified", "flow map content"):
		return "opens `{` that is never closed; close it, or write one key a line"
	case has("sequence end token", "']' must be specified"):
		return "opens `[` that is never closed; close it, or write one `- item` a line"
	case has("corresponding to"):
		return "closes a bracket that was never opened; remove it"
	case has("unexpected key name", "unexpected map key", "non-map value"):
		return "is not `key: value`; is the colon missing, or the space after it?"
	case has("mapping value is not allowed"):
		return "has a second `: ` in one value, or is indented differently from its neighbours; quote the value, or line the keys up"
	case has("reserved character"):
		return "begins with a character that YAML reserves; put the value in quotes"
	case has("unknown escape", "UTF-16", "UTF-32"):
		return "holds a backslash sequence that YAML does not know; use single quotes"
	case has("alias", "anchor"):
		return "has an anchor or alias that YAML cannot read; write the value out"
	case has("value is not allowed in this context"):
		return "has text after the value; quote the whole value, or remove the rest"
	case has("block sequence", "sequence entries", "sequence element"):
		return "has a list item where none can be; line the `- ` up with its neighbours"
	}
	return fmt.Sprintf("is not YAML (%s); see docs/configuration.md for a complete file", kindOfLine(line))
}

func kindOfLine(line string) string {
	switch t := strings.TrimSpace(line); {
	case strings.HasPrefix(t, "-"):
		return "in a list item"
	case strings.Contains(t, ":"):
		return "at a key"
	}
	return "at this place"
}
