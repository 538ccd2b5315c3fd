package main

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// A page is one document.
type page struct {
	source string // its path in the repository
	title  string
	tree   ast.Node
	text   []byte
	anchor map[string]bool
}

// name is the page's file in the site: the start page of docs is the site's.
func (p *page) name() string {
	if p.source == "docs/README.md" {
		return "index.html"
	}
	return strings.TrimSuffix(p.source, ".md") + ".html"
}

// A builder reads documents and collects what is wrong with their links.
type builder struct {
	repo   fs.FS
	md     goldmark.Markdown
	pages  map[string]*page // by source
	copied map[string]bool  // files that pages link to
	wrong  []error
}

// Build makes the site's files, by their names. Its error names every link that leads nowhere.
func Build(repo fs.FS) (map[string][]byte, error) {
	b := &builder{repo: repo, pages: map[string]*page{}, copied: map[string]bool{},
		md: goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()))}
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md"} {
		sources, err := fs.Glob(repo, pattern)
		if err != nil {
			return nil, err
		}
		for _, source := range sources {
			if err := b.read(source); err != nil {
				return nil, err
			}
		}
	}
	var sources []string
	for source := range b.pages {
		sources = append(sources, source)
	}
	slices.Sort(sources)
	files := map[string][]byte{}
	for _, source := range sources { // all links first: rendering has them
		b.links(b.pages[source])
	}
	for _, source := range sources {
		p := b.pages[source]
		html, err := b.render(p, sources)
		if err != nil {
			return nil, err
		}
		files[p.name()] = html
	}
	for name := range b.copied {
		content, err := fs.ReadFile(repo, name)
		if err != nil {
			return nil, err
		}
		files[name] = content
	}
	return files, errors.Join(b.wrong...)
}

// read parses a document and notes its headings.
func (b *builder) read(source string) error {
	content, err := fs.ReadFile(b.repo, source)
	if err != nil {
		return err
	}
	p := &page{source: source, text: content, anchor: map[string]bool{}, title: source}
	ids := parser.NewContext(parser.WithIDs(&slugs{seen: map[string]int{}}))
	p.tree = b.md.Parser().Parse(text.NewReader(content), parser.WithContext(ids))
	titled := false
	err = ast.Walk(p.tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		h, ok := n.(*ast.Heading)
		if !ok || !entering {
			return ast.WalkContinue, nil
		}
		if id, ok := h.AttributeString("id"); ok {
			p.anchor[string(id.([]byte))] = true
		}
		if h.Level == 1 && !titled {
			p.title, titled = plainText(h, content), true
		}
		return ast.WalkSkipChildren, nil
	})
	b.pages[source] = p
	return err
}

// links rewrites a page's links to what they are in the site.
func (b *builder) links(p *page) {
	_ = ast.Walk(p.tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			n.Destination = []byte(b.link(p, string(n.Destination)))
		case *ast.Image:
			n.Destination = []byte(b.link(p, string(n.Destination)))
		}
		return ast.WalkContinue, nil
	})
}

// link is where a link of a page leads in the site. What leads out of the repository stays as it is.
func (b *builder) link(p *page, to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" {
		return to
	}
	target := p.source
	if u.Path != "" {
		target = path.Join(path.Dir(p.source), u.Path)
	}
	other := b.pages[target]
	info, err := fs.Stat(b.repo, target)
	switch {
	case err != nil:
		b.wrong = append(b.wrong, fmt.Errorf("%s links to %s, which does not exist", p.source, to))
		return to
	case other != nil && u.Fragment != "" && !other.anchor[u.Fragment]:
		b.wrong = append(b.wrong, fmt.Errorf("%s links to %s, which has no such heading", p.source, to))
	case other != nil:
		target = other.name()
	case info.IsDir():
		return b.folder(p, target)
	default:
		b.copied[target] = true
	}
	u.Path = relative(p.name(), target)
	return u.String()
}

// folder is where a link to a folder leads: to the list of its files in the repository's own copy, which a site does
// not have. Its README stands in for it, else the first file.
func (b *builder) folder(p *page, dir string) string {
	if readme := b.pages[dir+"/README.md"]; readme != nil {
		return relative(p.name(), readme.name())
	}
	first := ""
	_ = fs.WalkDir(b.repo, dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && first == "" {
			first = name
		}
		return err
	})
	if first == "" {
		b.wrong = append(b.wrong, fmt.Errorf("%s links to %s, which is empty", p.source, dir))
		return dir
	}
	b.copied[first] = true
	return relative(p.name(), first)
}

// relative is the way from one file of the site to another.
func relative(from, to string) string { return strings.Repeat("../", strings.Count(from, "/")) + to }

func (b *builder) render(p *page, sources []string) ([]byte, error) {
	var body bytes.Buffer
	if err := b.md.Renderer().Render(&body, p.text, p.tree); err != nil {
		return nil, fmt.Errorf("%s: %w", p.source, err)
	}
	type entry struct {
		Title, To string
		Here      bool
	}
	var list []entry
	for _, docs := range []bool{true, false} { // the pages of docs first
		for _, source := range sources {
			if o := b.pages[source]; strings.HasPrefix(source, "docs/") == docs {
				list = append(list, entry{o.title, relative(p.name(), o.name()), o == p})
			}
		}
	}
	var out bytes.Buffer
	err := layout().Execute(&out, map[string]any{"Title": p.title, "List": list, "Body": template.HTML(body.String())})
	return out.Bytes(), err
}

// slugs makes the ids of headings as GitHub does: links between the documents work on both.
type slugs struct{ seen map[string]int }

// Generate implements [parser.IDs].
func (s *slugs) Generate(value []byte, _ ast.NodeKind) []byte {
	id := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 0x80:
			return r
		}
		return -1
	}, strings.ToLower(strings.TrimSpace(string(value))))
	s.seen[id]++
	if n := s.seen[id]; n > 1 {
		id = fmt.Sprintf("%s-%d", id, n-1)
	}
	return []byte(id)
}

// Put implements [parser.IDs].
func (s *slugs) Put(value []byte) { s.seen[string(value)]++ }

// plainText is what a reader sees of a heading.
func plainText(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}
