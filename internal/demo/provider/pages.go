package provider

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

// pages are everything that a person sees here.
type pages struct {
	*common
	style string // CSP source of the style sheet
}

func newPages(c *common) *pages { return &pages{common: c, style: styleSource()} }

// show renders a page under a policy that lets it load nothing, run nothing, be framed by nobody, and send forms to
// itself and the client: browsers apply form-action to the redirects after a form too.
func (ps *pages) show(w http.ResponseWriter, status int, name string, data map[string]any) {
	t := template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/"+name))
	data["Style"] = template.CSS(style()) // our own file
	data["Title"], data["App"], data["Home"] = ps.title(), ps.app(), ps.cfg.Origin
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
		"default-src 'none'; style-src "+ps.style+"; script-src "+hashSource([]byte(submitScript))+
			"; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"+ps.client.origins(),
	)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// app is how the pages name the client: its host.
func (ps *pages) app() string {
	if u, err := url.Parse(ps.cfg.Origin); err == nil && u.Host != "" {
		return u.Host
	}
	return ps.cfg.Origin
}

func (ps *pages) title() string {
	if ps.habits.Title != "" {
		return ps.habits.Title
	}
	return "Demo"
}

// A row is a person on the page.
type row struct {
	Name, FullName, Email, Initials string
	SignedIn, Hinted                bool
	Colour                          int
}

func (ps *pages) showPeople(w http.ResponseWriter, name string, f *flow, signedIn func(*Person) bool) {
	hinted := ps.people.Find(f.hint)
	var rows []row
	for i, p := range ps.people.all() {
		if i < 20 || p == hinted {
			rows = append(rows, row{p.Name, p.FullName, p.Email, p.Initials(), signedIn(p), p == hinted, i % 6})
		}
	}
	slices.SortStableFunc(rows, func(x, y row) int {
		if x.Hinted == y.Hinted {
			return 0
		} else if x.Hinted {
			return -1
		}
		return 1
	})
	ps.show(w, http.StatusOK, "people.html", map[string]any{"Page": "Choose an account", "Flow": name, "People": rows})
}

// A requested is a scope on the consent page.
type requested struct {
	Name, Title, Detail string
	Untick, Known       bool
}

func (ps *pages) showConsent(w http.ResponseWriter, name string, f *flow, before []string, untick func(string) bool) {
	colour := slices.Index(ps.people.all(), f.person) % 6
	var basic, single []requested
	for _, s := range f.scopes {
		about, _ := describe(s)
		a := requested{
			Name:   s,
			Title:  about.Title,
			Detail: about.Detail,
			Untick: untick(s),
			Known:  slices.Contains(before, s),
		}
		if signInScope(s) {
			basic = append(basic, a)
		} else {
			single = append(single, a)
		}
	}
	p := f.person
	ps.show(
		w,
		http.StatusOK,
		"consent.html",
		map[string]any{"Page": "Allow access", "Flow": name, "Basic": basic, "Single": single,
			"Person": row{p.Name, p.FullName, p.Email, p.Initials(), true, false, max(colour, 0)}},
	)
}

func (ps *pages) showError(w http.ResponseWriter, status int, code, text string) {
	ps.show(w, status, "error.html", map[string]any{"Page": "Access blocked", "Code": code, "Text": text})
}

func (ps *pages) showSignOut(w http.ResponseWriter, form string, q url.Values, target string) {
	ps.show(
		w,
		http.StatusOK,
		"signout.html",
		map[string]any{"Page": "Sign out", "Confirm": form, "Client": q.Get("client_id"),
			"After": q.Get("post_logout_redirect_uri"), "State": q.Get("state"), "Target": target},
	)
}

func (ps *pages) showSignedOut(w http.ResponseWriter) {
	ps.show(w, http.StatusOK, "signedout.html", map[string]any{"Page": "Signed out"})
}

func (ps *pages) showFormPost(w http.ResponseWriter, action string, answer url.Values) {
	ps.show(
		w,
		http.StatusOK,
		"post.html",
		map[string]any{"Page": "Going back to the app", "Action": action, "Answer": answer,
			"Script": template.JS(submitScript)},
	) // a constant
}

func (ps *pages) serveAbout(w http.ResponseWriter, _ *http.Request) {
	ps.show(w, http.StatusOK, "about.html", map[string]any{"Page": "Accounts", "People": ps.people.People()})
}
