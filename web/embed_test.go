package web_test

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"bff/web"
)

// maxPage bounds what a first visit to a page loads, uncompressed.
const maxPage = 100_000

func TestTheClientIsAbout4kBGzipped(t *testing.T) {
	b, err := fs.ReadFile(web.Client(), "client.js")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 4300 { // Go's deflate is a little behind zlib's, which package.test.js holds to 4250
		t.Errorf("client.js is %d bytes gzipped", out.Len())
	}
}

func TestEachPageAndAllItLoadsIsUnder100kB(t *testing.T) {
	client, err := fs.Stat(web.Client(), "client.js")
	if err != nil {
		t.Fatal(err)
	}
	total := func(fsys fs.FS) (n int64) {
		walk(t, fsys, func(name string, b []byte) { n += int64(len(b)) })
		return n
	}
	account := total(web.Account())
	if n := account + client.Size(); n > maxPage {
		t.Errorf("the account page is %d bytes in all", n)
	}
	if n := total(web.Demo()) + client.Size(); n > maxPage-25_000 { // tokens.css and ui.js come with it
		t.Errorf("the demo is %d bytes in all", n)
	}
}

func TestPagesHaveNoInlineScriptOrStyleAndNameNoOtherOrigin(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:[^>]*)>[^<]|javascript:`)
	foreign := regexp.MustCompile(`(?:src|href|import|from|url)\s*[=(]?\s*["'(]?(?:https?:)?//`)
	for name, fsys := range map[string]fs.FS{"account": web.Account(), "demo": web.Demo(), "shop": web.Shop()} {
		walk(t, fsys, func(file string, b []byte) {
			if path.Ext(file) == ".html" {
				if m := inline.Find(b); m != nil {
					t.Errorf("%s/%s has inline code: %s", name, file, m)
				}
				if !bytes.Contains(b, []byte(`http-equiv="Content-Security-Policy"`)) {
					t.Errorf("%s/%s has no policy of its own", name, file)
				}
			}
			if m := foreign.Find(b); m != nil {
				t.Errorf("%s/%s names another origin: %s", name, file, m)
			}
			if path.Ext(file) == ".js" &&
				regexp.MustCompile(`innerHTML|insertAdjacentHTML|document\.write|\beval\(|localStorage\.setItem|window\.opener`).
					Match(b) {
				for line := range strings.SplitSeq(string(b), "\n") {
					if !strings.HasPrefix(strings.TrimSpace(line), "//") &&
						regexp.MustCompile(`innerHTML|insertAdjacentHTML|document\.write|\beval\(|localStorage\.setItem|window\.opener`).
							MatchString(line) {
						t.Errorf("%s/%s: %s", name, file, strings.TrimSpace(line))
					}
				}
			}
		})
	}
}

func TestThePagesOfTheAccountAreThere(t *testing.T) {
	for _, name := range []string{"index.html", "done.html", "done.js", "main.js", "account.js", "app.json", "tokens.css",
		"account.css", "theme.css", "icon.svg"} {
		if _, err := fs.Stat(web.Account(), name); err != nil {
			t.Error(err)
		}
	}
}

func walk(t *testing.T, fsys fs.FS, f func(name string, content []byte)) {
	t.Helper()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, name)
		if err == nil {
			f(name, b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
