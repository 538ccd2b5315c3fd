// Package web is what the browser loads: the JavaScript client, the account page, the demo app and its shop. The client is the
// very file that npm ships; nothing here has a build step.
package web

import (
	"embed"
	"io/fs"
)

//go:embed client/client.js account demo shop
var files embed.FS

// Client holds client.js, the ES module served as /bff/client.js.
func Client() fs.FS { return sub("client") }

// Account holds the account page: index.html is /bff/account, done.html is /bff/account/done, and every other file is
// served below /bff/account/ by its name.
func Account() fs.FS { return sub("account") }

// Demo holds the demo app of `bff dev`. It loads the client and the account page's tokens.css from bff.
func Demo() fs.FS { return sub("demo") }

// Shop holds the page of the second front of `bff dev`. It loads what the demo app loads from bff.
func Shop() fs.FS { return sub("shop") }

func sub(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // only for a directory name that is not a valid path, and those above are
	}
	return f
}
