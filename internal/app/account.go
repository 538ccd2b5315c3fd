package app

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"strings"

	"bff/internal/config"
	"bff/web"
)

// accountFiles are what /bff/account is made of. The operator's own style sheet stands in for the empty theme.css, and
// what the application and its providers are called for app.json. Files are read anew each time, so that a change shows on the next load.
type accountFiles struct {
	fs.FS
	theme     string // a file, or ""
	name      string // of the application, or ""
	logo      string // a file, or ""
	marks     []byte
	described map[string]description // by provider
}

func accountOf(cfg *config.Config) accountFiles {
	return accountFiles{FS: web.Account(), theme: cfg.Frontend.Theme, name: cfg.Name, logo: cfg.Logo,
		marks: Marks(cfg.OAuth()), described: describe(cfg.OAuth())}
}

func (a accountFiles) Open(name string) (fs.File, error) {
	switch {
	case name == "theme.css" && a.theme != "":
		return os.Open(a.theme)
	case a.logo != "" && name == a.logoName():
		return os.Open(a.logo)
	}
	return a.FS.Open(name)
}

// ReadFile is Open for what is no file: app.json and the marks are made of the configuration.
func (a accountFiles) ReadFile(name string) ([]byte, error) {
	if name == marksFile {
		return a.marks, nil
	}
	if name == "app.json" {
		about := struct {
			Name *string `json:"name"`
			Logo *string `json:"logo"`
			// Providers is what the page shows of each.
			Providers map[string]description `json:"providers"`
		}{Providers: a.described}
		if a.name != "" {
			about.Name = &a.name
		}
		if a.logo != "" {
			logo := a.logoName()
			about.Logo = &logo
		}
		return json.Marshal(about)
	}
	return fs.ReadFile(struct{ fs.FS }{a}, name)
}

// logoName is the name under which the logo is served: its extension says what it is.
func (a accountFiles) logoName() string { return "logo" + strings.ToLower(path.Ext(a.logo)) }
