package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// pagePolicy is what the account page may do: load from here, call here, nothing else. Only what is embedded is served under it.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// fileTypes are the types of what is served, whatever the machine's own tables say. In the account folder nothing else is served at all.
var fileTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".webp": "image/webp",
	".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
}

// clientScript is the JavaScript client, the very file that npm ships.
func (s *Server) clientScript(c *call) error {
	return s.embedded(c, s.cfg.Client, "client.js")
}

// accountPage is the page where a person sees their accounts and sessions. Its files hold nothing of the person: they ask for that.
func (s *Server) accountPage(c *call) error {
	name := c.r.PathValue("file")
	switch name {
	case "":
		name = "index.html"
	case "done":
		name = "done.html"
	}
	h := c.w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if name == "index.html" {
		// The page opens a provider's in a popup and may close it. The popup's last page has no such header: what it has to say comes through the server.
		h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	}
	return s.embedded(c, s.cfg.Account, name)
}

// embedded serves one small file of fsys, to be asked for again with its ETag each time.
func (s *Server) embedded(c *call, fsys fs.FS, name string) error {
	kind, ok := fileTypes[path.Ext(name)]
	if fsys == nil || !ok || strings.HasPrefix(name, ".") || strings.Contains(name, "/") || !fs.ValidPath(name) {
		return newProblem(codeNotFound)
	}
	content, err := fs.ReadFile(fsys, name)
	if err != nil {
		return newProblem(codeNotFound)
	}
	h := c.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", contentTag(content))
	http.ServeContent(c.w, c.r, name, time.Time{}, bytes.NewReader(content))
	return nil
}

func contentTag(content []byte) string {
	sum := sha256.Sum256(content)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}
