package main

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// The documents of this repository become a site in which every link leads somewhere; the same bytes each time.
func TestTheDocumentsAreASite(t *testing.T) {
	repo := os.DirFS("../..")
	files, err := Build(repo)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Build(repo)
	if err != nil || !maps.EqualFunc(files, again, bytes.Equal) {
		t.Errorf("a second build differs: %v", err)
	}
	index := string(files["index.html"])
	for _, who := range []string{"You write the frontend", "You write the backend", "You run it", "You integrate"} {
		if !strings.Contains(index, who) {
			t.Errorf("the start page does not say %q", who)
		}
	}
	for name := range files {
		if rest, ok := strings.CutPrefix(name, "docs/"); ok && strings.HasSuffix(rest, ".html") &&
			!strings.Contains(index, `href="`+name) {
			t.Errorf("no list of the start page has %s", name)
		}
	}
	dir := filepath.Join(t.TempDir(), "site")
	if code := run([]string{"-root", "../..", "-out", dir}, io.Discard, io.Discard); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if written, err := os.ReadFile(filepath.Join(dir, "index.html")); err != nil || string(written) != index {
		t.Errorf("what is written is not what was built: %v", err)
	}
	if code := run([]string{"-root", "../..", "-out", dir}, io.Discard, io.Discard); code != 1 {
		t.Errorf("written over another site: exit code %d", code)
	}
}

func TestALinkThatLeadsNowhereIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"a page":           "[x](docs/none.md)",
		"a file":           "![x](docs/none.png)",
		"a heading":        "[x](docs/a.md#none)",
		"a heading of its": "[x](#none)",
		"out of it":        "[x](../../etc/passwd)",
	} {
		_, err := Build(fstest.MapFS{"README.md": {Data: []byte("# R\n\n" + text)}, "docs/a.md": {Data: []byte("# A\n\n## B c\n")}})
		if err == nil || !strings.Contains(err.Error(), "README.md links to ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLinksLeadToPagesOfTheSite(t *testing.T) {
	files, err := Build(fstest.MapFS{
		"README.md":      {Data: []byte("# R\n\n[a](docs/a.md#b-c) [own](#r) [file](deploy/x.conf) [folder](deploy) [out](https://example.com/x.md)\n")},
		"docs/README.md": {Data: []byte("# Start\n")},
		"docs/a.md":      {Data: []byte("# A & B\n\n## B c\n\n[up](../README.md) [start](README.md) <script>alert(1)</script>\n")},
		"deploy/x.conf":  {Data: []byte("x")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, []string{"README.html", "deploy/x.conf", "docs/a.html", "index.html"}) {
		t.Errorf("files: %q", got)
	}
	for page, links := range map[string][]string{
		"README.html": {`"docs/a.html#b-c"`, `"README.html#r"`, `"deploy/x.conf"`, `"https://example.com/x.md"`, `"index.html"`},
		"docs/a.html": {`"../README.html"`, `"../index.html"`, "A &amp; B"},
	} {
		for _, link := range links {
			if !strings.Contains(string(files[page]), link) {
				t.Errorf("%s lacks %s:\n%s", page, link, files[page])
			}
		}
	}
	if strings.Contains(string(files["docs/a.html"]), "<script>") {
		t.Error("a document brings a script")
	}
}
