package config

import (
	"bytes"
	"errors"
	"regexp"
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
		s.wrong(
			Position{},
			"the file is larger than %d KiB; a configuration is a few kilobytes: is it the right file?",
			maxFile>>10,
		)
		return s, nil
	}
	s := newSource(name, string(data))
	if at, what := unreadable(data); what != "" {
		s.broken = true
		s.wrong(at, "%s", what)
		return s, nil
	}
	if s.invisible(); s.broken {
		return s, nil
	}
	tokens := lexer.Tokenize(bareMemory.ReplaceAllString(string(data), `${1}"memory:"${2}`))
	for _, t := range tokens {
		if t.Position != nil {
			s.tokens[t.Position.Line] = append(s.tokens[t.Position.Line], t)
		}
	}
	if at, deep := nested(tokens); deep {
		s.broken = true
		s.wrong(at, "values are nested more than %d deep; nothing in a configuration is", maxNesting)
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

// bareMemory is the store's name for the process's own memory as a person writes it. To YAML its colon would begin a
// mapping.
var bareMemory = regexp.MustCompile(`(?m)^([^#"'\n]*\bstore:[ \t]+)memory:([ \t]*(?:[,}].*|#.*|\r)?)$`)

// parseTokens is the parser, which a hostile file may make panic.
func parseTokens(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			file, err = nil, errors.New("the parser gave up")
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // repeated keys are reported with everything else
}

// unreadable finds what no text file holds.
func unreadable(data []byte) (Position, string) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return Position{1, 1}, "the text is UTF-16; save the file as UTF-8"
	}
	at := Position{1, 1}
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && n == 1:
			return at, "the text is not UTF-8; save the file as UTF-8"
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r == 0x7f:
			return at, "there is a control character; remove it"
		}
		if at.Column++; r == '\n' {
			at = Position{at.Line + 1, 1}
		}
		data = data[n:]
	}
	return Position{}, ""
}

// nested finds where tokens nest deeper than a configuration does, before the parser goes there.
func nested(tokens token.Tokens) (Position, bool) {
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
			return Position{line, t.Position.Column}, true
		}
	}
	return Position{}, false
}

// document takes the one document of a file.
func (s *source) document(file *ast.File) ast.Node {
	var top ast.Node
	for _, d := range file.Docs {
		switch body := d.Body.(type) {
		case nil:
		case *ast.DirectiveNode:
			s.wrong(positionOf(body.GetToken()), "the line is a YAML directive; remove it")
		default:
			if top != nil {
				s.wrong(positionOf(d.Start), "a second document begins; a configuration is one: remove everything from here on")
				return top
			}
			top = body
		}
	}
	if top == nil && len(s.mistakes) == 0 {
		s.wrong(
			Position{},
			"the file is empty; begin with `origin: https://app.example.com` and see docs/configuration.md, or try `bff dev`, which needs no file",
		)
	}
	return top
}

func positionOf(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{1, 1}
	}
	return Position{t.Position.Line, t.Position.Column}
}

// syntax reports why a file does not parse, in words of its own: the parser's may repeat what the file holds.
func (s *source) syntax(err error) {
	tabs := false
	for i, line := range s.lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if at := strings.IndexByte(indent, '\t'); at >= 0 && strings.TrimSpace(line) != "" {
			s.wrong(Position{i + 1, at + 1}, "the line is indented with a tab; indent with spaces")
			tabs = true
		}
	}
	if tabs {
		return
	}
	if at, what, ok := misplaced(s.lines); ok {
		s.wrong(at, "%s", what)
		return
	}
	var e *yaml.SyntaxError
	if !errors.As(err, &e) {
		s.wrong(Position{}, "the file is not YAML; docs/configuration.md has a complete one")
		return
	}
	at := positionOf(e.Token)
	s.wrong(at, "%s", plainSyntax(e.Message))
}

// invisible finds what looks like a space, or like nothing, and is neither to YAML. Quotes and comments may hold it.
func (s *source) invisible() {
	for i, line := range s.lines {
		code := line
		if end := strings.IndexAny(line, "#'\""); end >= 0 {
			code = line[:end]
		}
		if at := strings.IndexFunc(code, blankButNoSpace); at >= 0 {
			s.broken = true
			s.wrong(
				Position{i + 1, utf8.RuneCountInString(code[:at]) + 1},
				"there is a no-break space or an invisible character, as text copied from a page has; type a space instead",
			)
		}
	}
}

func blankButNoSpace(r rune) bool {
	return r == 0xa0 || r == 0x202f || r == 0x2060 || r == 0xfeff || r >= 0x2000 && r <= 0x200b
}

func plainSyntax(message string) string {
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
		return "a quote is opened and never closed; close it"
	case has("flow mapping end token", "'}' must be specified", "flow map content"):
		return "a `{` is never closed; close it, or write one key a line"
	case has("sequence end token", "']' must be specified"):
		return "a `[` is never closed; close it, or write one `- item` a line"
	case has("corresponding to"):
		return "a bracket is closed that was never opened; remove it"
	case has("unexpected key name", "unexpected map key", "non-map value"):
		return "the line is not `key: value`; is the colon missing, or the space after it?"
	case has("mapping value is not allowed"):
		return "there is a `: ` inside a value, or a key is not in line with its neighbours; quote the value, or line the keys up"
	case has("reserved character"):
		return "the value begins with a character that YAML reserves; put it in quotes"
	case has("unknown escape", "UTF-16", "UTF-32"):
		return "the value holds a backslash sequence that YAML does not know; use single quotes"
	case has("alias", "anchor"):
		return "an anchor or alias stands where none can; write the value out"
	case has("value is not allowed in this context"):
		return "there is text after the value; quote all of it, or remove the rest"
	case has("block sequence", "sequence entries", "sequence element"):
		return "a list item stands where none can; line the `- ` up with its neighbours"
	}
	return "this is not YAML; docs/configuration.md has a complete file"
}
