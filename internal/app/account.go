package app

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"strings"
)

// accountFiles are what /bff/account is made of. The operator's own style sheet stands in for the empty theme.css, and
// what the application is called for app.json. Files are read anew each time, so that a change shows on the next load.
type accountFiles struct {
	fs.FS
	theme string // a file, or ""
	name  string // of the application, or ""
	logo  string // a file, or ""
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

// ReadFile is Open for what is no file: app.json is made of the configuration.
func (a accountFiles) ReadFile(name string) ([]byte, error) {
	if name == "app.json" {
		about := struct {
			Name *string `json:"name"`
			Logo *string `json:"logo"`
		}{}
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
