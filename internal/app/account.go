package app

import (
	"io/fs"
	"os"
)

// accountFiles are what /bff/account is made of. The operator's own style sheet stands in for the empty theme.css; it is read
// anew each time, so that a change shows on the next load.
type accountFiles struct {
	fs.FS
	theme string // a file, or ""
}

func (a accountFiles) Open(name string) (fs.File, error) {
	if name == "theme.css" && a.theme != "" {
		return os.Open(a.theme)
	}
	return a.FS.Open(name)
}
