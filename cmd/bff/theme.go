package main

import (
	"io/fs"
	"os"

	"bff/web"
)

// accountFiles are what /bff/account is made of. The operator's own style sheet stands in for the empty theme.css; it is read anew each time, so that
// a change shows on the next load.
type accountFiles struct {
	fs.FS
	theme string // a file, or ""
}

func (c *frontendConfig) account() fs.FS { return accountFiles{web.Account(), c.theme} }

func (a accountFiles) Open(name string) (fs.File, error) {
	if name == "theme.css" && a.theme != "" {
		return os.Open(a.theme)
	}
	return a.FS.Open(name)
}

func (c *frontendConfig) readTheme(v value) {
	file, ok := v.text("write a style sheet of your own, as in `theme: ./theme.css`")
	if !ok {
		return
	}
	c.theme = v.r.path(file)
	info, err := os.Stat(c.theme)
	switch {
	case err != nil:
		v.wrong("%s: the file %s; write where the style sheet is", v.name(), plainFault(err))
	case !info.Mode().IsRegular():
		v.wrong("%s is no file; write the style sheet itself, as in `theme: ./theme.css`", v.name())
	}
}
