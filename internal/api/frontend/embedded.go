package frontend

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"bff/internal/api/answer"
	"bff/internal/api/problem"
	"bff/internal/api/route"
)

// pagePolicy is what the account page may do: load from here, call here, nothing else. Only what is embedded is
// served under it.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' " +
	"data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// fileTypes are the types of what is served, whatever the machine's own tables say. In the account folder nothing
// else is served at all.
var fileTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon",
	".webp": "image/webp", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
	".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
}

// Embedded serves small files that come with bff: the JavaScript client and the account page.
type Embedded struct {
	client, account fs.FS
	clientCoded     func() codings // made at the first request: a process may never have one
	accountCoded    func() codings
}

// NewEmbedded serves client.js of the first and the account page of the second; nil: there is none.
func NewEmbedded(client, account fs.FS) *Embedded {
	e := &Embedded{client: client, account: account}
	if client != nil {
		e.clientCoded = sync.OnceValue(func() codings { return codingsOf(client) })
	}
	if account != nil {
		e.accountCoded = sync.OnceValue(func() codings { return codingsOf(account) })
	}
	return e
}

// Script answers GET /bff/client.js: the JavaScript client, the very file that npm ships.
func (e *Embedded) Script(c *route.Call) error {
	return embedded(c, e.client, e.clientCoded, "client.js")
}

// Page answers GET /bff/account and below: where a person sees their accounts and sessions. Its files hold nothing of
// the person; its script reads that.
func (e *Embedded) Page(c *route.Call) error {
	name := c.R.PathValue("file")
	switch name {
	case "":
		name = "index.html"
	case "done":
		name = "done.html"
	}
	h := c.W.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if name == "index.html" {
		// The page opens a provider's in a popup and may close it. The popup's last page has no such header: what it
		// has to say comes through the server.
		h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	}
	return embedded(c, e.account, e.accountCoded, name)
}

// embedded serves one small file of fsys.
func embedded(c *route.Call, fsys fs.FS, all func() codings, name string) error {
	kind, ok := fileTypes[path.Ext(name)]
	if fsys == nil || !ok || strings.HasPrefix(name, ".") || strings.Contains(name, "/") || !fs.ValidPath(name) {
		return problem.New(problem.NotFound)
	}
	content, err := fs.ReadFile(fsys, name)
	if err != nil {
		return problem.New(problem.NotFound)
	}
	h := c.W.Header()
	h.Set("Content-Type", kind)
	tag := contentTag(content)
	if coded, ok := all()[name]; ok && coded.tag == tag {
		answer.AddVary(h, "Accept-Encoding")
		if body, coding := coded.pick(c.R); coding != "" {
			h.Set("Content-Encoding", coding)
			content, tag = body, tagged(tag, coding)
		}
	}
	h.Set("ETag", tag)
	http.ServeContent(c.W, c.R, name, time.Time{}, bytes.NewReader(content))
	return nil
}

func contentTag(content []byte) string {
	sum := sha256.Sum256(content)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}
