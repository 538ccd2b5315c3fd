package config

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jub0bs/cors"
)

func (f *Frontend) fields() []field {
	return append(f.served(),
		field{name: "theme", absent: "none", example: "./theme.css",
			about: "A style sheet of your own for `/bff/account` and the other pages of bff: " +
				"[which variables](account-page.md). Read anew at each load.",
		}.by(textSchema(), f.readTheme),
	)
}

// served are the keys that each front has.
func (f *Frontend) served() []field {
	return []field{
		field{name: "dir", absent: "none", example: "./dist",
			about: "Folder of the built frontend. A path of no file is answered with `index.html`. No link leads out of the folder.",
		}.by(textSchema(), f.readDir),
		field{name: "upstream", absent: "none", example: "http://localhost:5173",
			about: "Instead of `dir`: a dev server, with WebSocket for hot reload.",
		}.by(urlSchema(), func(v value) {
			u, ok := readURL(v, "http://localhost:5173", true)
			if ok && (u.Path != "" && u.Path != "/" || u.RawQuery != "") {
				v.wrong("%s has a path; a dev server is reached at its root: write `%s://%s`", v.name(), u.Scheme, u.Host)
			} else if ok {
				f.Upstream = u
			}
		}),
		field{name: "origins", def: "[]", example: "[https://admin.example.com]",
			about: "Further origins that may call with credentials (CORS), written as browsers send them; no wildcards.",
		}.by(listSchema(urlSchema()), f.readOrigins),
	}
}

// noBoth refuses a frontend with two sources.
func noBoth(v value, there map[string]value) {
	if up, ok := there["upstream"]; ok && there["dir"].r != nil {
		v.r.wrong(
			up.key,
			"%s has both `dir` and `upstream`; keep `dir` for built files, or `upstream` for a dev server",
			v.name(),
		)
	}
}

func (f *Frontend) readDir(v value) {
	dir, ok := v.text("write the folder of the built frontend, as in `dir: ./dist`")
	if !ok {
		return
	}
	f.Dir = v.r.path(dir)
	info, err := os.Stat(f.Dir)
	switch {
	case err != nil:
		v.wrong("%s: the folder %s; build the frontend, or write where it is", v.name(), FileError(err))
	case !info.IsDir():
		v.wrong("%s is a file; write the folder that holds index.html", v.name())
	default:
		if _, err := os.Stat(filepath.Join(f.Dir, "index.html")); err != nil {
			v.wrong("%s: the folder holds no index.html; build the frontend, or write where it is", v.name())
		}
	}
}

func (f *Frontend) readOrigins(v value) {
	v.list("write a list: `origins: [https://other.example.com]`", func(_ int, in value) {
		u, ok := readOrigin(in, "https://other.example.com")
		switch {
		case !ok:
		case !corsTakes(originText(u)):
			in.wrong("%s is an origin that no browser sends; write the host as its address bar shows it", in.name())
		case slices.Contains(f.Origins, originText(u)):
			in.wrong("%s is in the list twice; keep one", in.name())
		default:
			f.Origins = append(f.Origins, originText(u))
		}
	})
}

// corsTakes reports whether the library that answers preflights takes an origin.
func corsTakes(origin string) bool {
	_, err := cors.NewMiddleware(cors.Config{Origins: []string{origin}, Credentialed: true,
		ExtraConfig: cors.ExtraConfig{DangerouslyTolerateInsecureOrigins: true}})
	return err == nil
}

func (f *Frontend) readTheme(v value) {
	file, ok := v.text("write a style sheet of your own, as in `theme: ./theme.css`")
	if !ok {
		return
	}
	f.Theme = v.r.path(file)
	info, err := os.Stat(f.Theme)
	switch {
	case err != nil:
		v.wrong("%s: the file %s; write where the style sheet is", v.name(), FileError(err))
	case !info.Mode().IsRegular():
		v.wrong("%s is no file; write the style sheet itself, as in `theme: ./theme.css`", v.name())
	}
}

func (f *Front) fields() []field {
	return []field{
		field{name: "origin", example: "https://shop.example.org",
			about:   "How browsers reach this front, written as they send it in `Origin`.",
			missing: "write how browsers reach it, as in `origin: https://shop.example.org`",
		}.by(urlSchema(), func(v value) { f.Origin, _ = readOrigin(v, "https://shop.example.org") }),
		field{
			name:   "frontend",
			absent: "none",
			about:  "What this front serves outside `/bff` and the apis: `dir` or `upstream`.",
		}.
			object(
				"write `dir: ./shop` below it",
				f.Frontend.served(),
				noBoth,
			),
		field{name: "apis", absent: "all", example: "[calendar, app]", about: "The apis that this front has, by name."}.
			texts(&f.APIs, "write a list of names of `apis`, as in `apis: [calendar]`"),
		field{
			name:   "tls",
			absent: "that of `tls`",
			about:  "This front's own certificate: `cert` and `key`. The name that a browser asks for (SNI) chooses it.",
		}.object("write `cert:` and `key:` below it", f.TLS.files(), f.TLS.agreeOnFiles),
	}
}

func (c *Config) readFronts(v value) {
	const want = "write a list of origins, as in `- origin: https://shop.example.org`"
	v.list(want, func(_ int, in value) {
		f := Front{}
		below := f.fields()
		applyDefaults(below)
		if in.object("write `origin: https://shop.example.org`", below...) != nil {
			c.Fronts = append(c.Fronts, f)
		}
	})
}

// onFronts is what must hold between the origins: each has a host of its own, and CORS has none of them for itself.
func (c agreement) onFronts() {
	r := c.r
	hosts, origins := map[string]string{}, map[string]string{}
	if c.Origin != nil {
		hosts[c.Origin.Hostname()], origins[c.OriginText()] = "origin", "origin"
		c.onOrigins("frontend", &c.Frontend, c.OriginText(), "`origin` itself")
	}
	known := map[string]bool{}
	for _, a := range c.APIs {
		known[a.Name] = true
	}
	for i := range c.Fronts {
		f := &c.Fronts[i]
		path := indexed("fronts", i)
		for j, name := range f.APIs {
			if at := indexed(path+".apis", j); !known[name] && r.positions["apis."+name] == (Position{}) {
				r.wrong(r.where(at), "`%s` names no api of this file%s", at, meant(name, sortedKeys(known)))
			}
		}
		if root := c.rootOf(f.APIs); root != "" && f.Frontend.serves() {
			r.wrong(r.where(path+".frontend"), "`apis.%s` is the whole site, so `%s.frontend` would never be reached; remove one "+
				"of them, or write the other `apis` of this front", root, path)
		}
		if f.Origin == nil {
			continue
		}
		c.onOrigins(path+".frontend", &f.Frontend, f.Text(), "the front's own origin")
		name := f.Origin.Hostname()
		switch other := hosts[name]; {
		case origins[f.Text()] != "":
			r.wrong(r.where(path+".origin"), "`%s.origin` is the same as `%s`; every front has an origin of its own", path,
				origins[f.Text()])
		case other != "":
			r.wrong(r.where(path+".origin"), "`%s.origin` has the host name of `%s`, and cookies do not tell ports and schemes "+
				"apart; every front has a host name of its own", path, other)
		case f.TLS.On() && c.TLS.Cert == "":
			r.wrong(r.where(path+".tls"), "`%s.tls` is beside the certificate of the first front; write `cert:` and `key:` of that "+
				"one below `tls`", path)
		case c.TLS.On() && f.Origin.Scheme == "http":
			r.wrong(r.where(path+".origin"), "`tls` is set and `%s.origin` is http; write `https://%s`", path, f.Origin.Host)
		}
		hosts[name], origins[f.Text()] = path+".origin", path+".origin"
	}
}

// serves reports whether there is anything of a frontend's own.
func (f *Frontend) serves() bool { return f.Dir != "" || f.Upstream != nil }

// onOrigins refuses a front's own origin among those that may call it.
func (c agreement) onOrigins(path string, f *Frontend, own, whose string) {
	for i, o := range f.Origins {
		if at := indexed(path+".origins", i); o == own {
			c.r.wrong(c.r.where(at), "`%s` is %s, which needs no mention; remove it", at, whose)
		}
	}
}

// files are the keys of a certificate that is read from files.
func (t *TLS) files() []field {
	return []field{
		field{name: "cert", absent: "none", example: "./cert.pem",
			about: "The certificate chain, PEM. It is read again when the file changes."}.
			by(textSchema(), func(v value) { set(&t.Cert)(readFilePath(v, "cert.pem")) }),
		field{name: "key", absent: "none", example: "./key.pem", about: "The certificate's private key, PEM."}.
			by(textSchema(), func(v value) { set(&t.Key)(readFilePath(v, "key.pem")) }),
	}
}

func (t *TLS) fields() []field {
	return append(t.files(),
		field{
			name:   "acme",
			absent: "none",
			about:  "Instead of `cert` and `key`: certificates from a certificate authority (RFC 8555).",
		}.
			by(nil, t.readACME).
			withBelow(new(ACME).fields()),
		field{name: "redirect", absent: "none", example: `":80"`,
			about: "An address whose plain http requests are redirected to `origin`.",
		}.by(textSchema(), func(v value) { set(&t.Redirect)(readListenAddress(v, ":80")) }),
	)
}

func (a *ACME) fields() []field {
	return []field{
		field{name: "email", absent: "none", example: "ops@example.com", about: "Whom the certificate authority writes to."}.
			by(textSchema(), func(v value) {
				text, ok := v.text("write an address, as in `email: ops@example.com`")
				if local, domain, found := strings.Cut(text, "@"); ok && (!found || local == "" || !validHost(domain)) {
					v.wrong("%s is no e-mail address; write one, as in `email: ops@example.com`", v.name())
				} else if ok {
					a.Email = text
				}
			}),
		field{name: "cache", example: "/var/lib/bff",
			about:   "Folder for the account's key and the certificates. It is created, and only this user can read it.",
			missing: "write where certificates are kept, as in `cache: /var/lib/bff`",
		}.by(textSchema(), func(v value) {
			if text, ok := v.text("write a folder, as in `cache: /var/lib/bff`"); ok {
				a.Cache = v.r.path(text)
			}
		}),
		field{name: "directory", absent: "Let's Encrypt", example: "https://acme.example/directory",
			about: "The directory URL of another certificate authority.",
		}.by(urlSchema(), func(v value) {
			if u, ok := readURL(v, "https://acme-v02.api.letsencrypt.org/directory", false); ok {
				a.Directory = u.String()
			}
		}),
	}
}

func (t *TLS) readACME(v value) {
	a := &ACME{}
	if v.object("write `cache: /var/lib/bff` below it", a.fields()...) != nil {
		t.ACME = a
	}
}

// agree is what must hold between the keys of tls.
func (t *TLS) agree(v value, there map[string]value) {
	has := func(name string) bool { return there[name].r != nil }
	switch {
	case has("acme") && (has("cert") || has("key")):
		v.r.wrong(there["acme"].key, "%s has both `acme` and certificate files; keep one", v.name())
	case !has("cert") && !has("key") && !has("acme"):
		v.r.wrong(v.key, "%s has no certificate; write `cert:` and `key:`, or `acme:`, below it", v.name())
	case !has("acme"):
		t.agreeOnFiles(v, there)
	}
}

// agreeOnFiles is what must hold between a certificate and its key.
func (t *TLS) agreeOnFiles(v value, there map[string]value) {
	has := func(name string) bool { return there[name].r != nil }
	switch {
	case !has("cert") && !has("key"):
		v.r.wrong(v.key, "%s has no certificate; write `cert:` and `key:` below it", v.name())
	case has("cert") != has("key"):
		v.r.wrong(v.key, "%s has one of `cert` and `key`; write both", v.name())
	case t.Cert != "" && t.Key != "" && !isPair(t.Cert, t.Key):
		v.r.wrong(
			there["cert"].key,
			"%s: `cert` and `key` are no pair of PEM files that belong together; write the chain and its key",
			v.name(),
		)
	}
}

func isPair(cert, key string) bool {
	_, err := tls.LoadX509KeyPair(cert, key)
	return err == nil
}

// readFilePath reads the path of a file that this user can read.
func readFilePath(v value, example string) (string, bool) {
	text, ok := v.text("write a file, as in `" + v.leaf() + ": ./" + example + "`")
	if !ok {
		return "", false
	}
	path := v.r.path(text)
	if _, err := readBounded(path, maxSecret); err != nil {
		v.wrong("%s: the file %s; write where it is", v.name(), FileError(err))
		return "", false
	}
	v.r.files = append(v.r.files, path)
	return path, true
}
