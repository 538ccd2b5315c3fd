package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
)

//go:embed pages
var pageFiles embed.FS

// style is the one style sheet, put into each page; the policy allows it by its hash.
func style() []byte {
	b, err := pageFiles.ReadFile("pages/pages.css")
	if err != nil {
		panic("demo: pages.css is embedded")
	}
	return bytes.ReplaceAll(b, []byte("</"), nil)
}

func styleSource() string { return hashSource(style()) }

func hashSource(b []byte) string {
	sum := sha256.Sum256(b)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

const submitScript = "document.forms[0].submit()" // of form_post: the one script there is

// show renders a page under a policy that lets it load nothing, run nothing, be framed by nobody, and send forms to
// itself and the client.
func (d *Demo) show(w http.ResponseWriter, status int, name string, data map[string]any) {
	t := template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/"+name))
	data["Style"], data["Title"], data["App"], data["Home"] = template.CSS(
		style(),
	), d.title(), d.app(), d.cfg.Origin // our own file
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", data); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin") // who opened a popup of ours has no hold on it
	h.Set(
		"Content-Security-Policy",
		"default-src 'none'; style-src "+d.pageStyle+"; script-src "+hashSource([]byte(submitScript))+
			"; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"+d.formTargets(),
	)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// app is how the pages name the client: its host.
func (d *Demo) app() string {
	if u, err := url.Parse(d.cfg.Origin); err == nil && u.Host != "" {
		return u.Host
	}
	return d.cfg.Origin
}

// formTargets are the origins that a form may end at: browsers hold form-action against the redirects after it too.
func (d *Demo) formTargets() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out, seen := "", map[string]bool{}
	for _, uri := range slices.Concat(d.redirect, d.after) {
		if u, err := url.Parse(uri); err == nil && u.Host != "" && !seen[u.Scheme+u.Host] {
			seen[u.Scheme+u.Host] = true
			out += " " + u.Scheme + "://" + u.Host
		}
	}
	return out
}

func (d *Demo) title() string {
	if d.habits.Title != "" {
		return d.habits.Title
	}
	return "Demo"
}

// A row is a person on the page.
type row struct {
	Name, FullName, Email, Initials string
	SignedIn, Hinted                bool
	Colour                          int
}

func (d *Demo) showPeople(w http.ResponseWriter, name string, f *flow, b *browser) {
	hinted := d.find(f.hint)
	var rows []row
	d.mu.Lock()
	for i, p := range d.people {
		if i < 20 || p == hinted {
			rows = append(rows, row{p.Name, p.FullName, p.Email, p.Initials(), b.sids[p.Name] != "", p == hinted, i % 6})
		}
	}
	d.mu.Unlock()
	slices.SortStableFunc(rows, func(x, y row) int {
		if x.Hinted == y.Hinted {
			return 0
		} else if x.Hinted {
			return -1
		}
		return 1
	})
	d.show(w, http.StatusOK, "people.html", map[string]any{"Page": "Choose an account", "Flow": name, "People": rows})
}

// An ask is a scope on the consent page.
type ask struct {
	Name, Title, Detail string
	Untick, Known       bool
}

func (d *Demo) showConsent(w http.ResponseWriter, name string, f *flow) {
	d.mu.Lock()
	before := d.grants[f.person.Name]
	colour := slices.Index(d.people, f.person) % 6
	d.mu.Unlock()
	var basic, single []ask
	for _, s := range f.scopes {
		about, _ := describe(s)
		a := ask{
			Name:   s,
			Title:  about.Title,
			Detail: about.Detail,
			Untick: d.canUntick(f.scopes, s),
			Known:  slices.Contains(before, s),
		}
		if signInScope(s) {
			basic = append(basic, a)
		} else {
			single = append(single, a)
		}
	}
	p := f.person
	d.show(
		w,
		http.StatusOK,
		"consent.html",
		map[string]any{"Page": "Allow access", "Flow": name, "Basic": basic, "Single": single,
			"Person": row{p.Name, p.FullName, p.Email, p.Initials(), true, false, max(colour, 0)}},
	)
}

func (d *Demo) showError(w http.ResponseWriter, status int, code, text string) {
	d.show(w, status, "error.html", map[string]any{"Page": "Access blocked", "Code": code, "Text": text})
}

func (d *Demo) showSignOut(w http.ResponseWriter, form string, q url.Values, target string) {
	d.show(
		w,
		http.StatusOK,
		"signout.html",
		map[string]any{"Page": "Sign out", "Confirm": form, "Client": q.Get("client_id"),
			"After": q.Get("post_logout_redirect_uri"), "State": q.Get("state"), "Target": target},
	)
}

func (d *Demo) showSignedOut(w http.ResponseWriter) {
	d.show(w, http.StatusOK, "signedout.html", map[string]any{"Page": "Signed out"})
}

func (d *Demo) showFormPost(w http.ResponseWriter, action string, answer url.Values) {
	d.show(
		w,
		http.StatusOK,
		"post.html",
		map[string]any{"Page": "Going back to the app", "Action": action, "Answer": answer,
			"Script": template.JS(submitScript)},
	) // a constant
}

func (d *Demo) serveAbout(w http.ResponseWriter, _ *http.Request) {
	d.show(w, http.StatusOK, "about.html", map[string]any{"Page": "Accounts", "People": d.People()})
}
