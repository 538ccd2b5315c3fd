package route

import (
	"errors"
	"net/http"

	"bff/internal/api/answer"
)

// A Row is one route: where it is, what it asks of a request, and what it does. A zero policy is none: New refuses it.
type Row struct {
	Method string // GET answers HEAD too; Any is every method
	Path   string // of net/http.ServeMux; what ends in a slash is everything below it
	Who    Who
	From   From
	Keep   Keep
	Do     func(*Call) error
	May    Permission // what a client must be allowed; of ClientForm and ClientBasic rows
	SignIn bool       // a Somebody row where a person who is not signed in is sent to sign in, and comes back
	Fix    string     // the provider with which somebody who is not signed in should sign in; "" where it is not clear
	After  func(*Call, int)
	Line   func(*http.Request) error // reads the request line, in place of proxy.CheckLine; of mounts
}

// Any is the method of a row that takes every one.
const Any = "*"

// Who says whom a row is for.
type Who int

// The zero Who is nobody's row and cannot be in a table.
const (
	Nobody      Who = iota + 1 // the session is not looked at
	Anybody                    // it is looked at; there may be none
	Somebody                   // without one: 401
	ClientForm                 // a configured client, which posts a form (RFC 6749 section 2.3.1); errors as in section 5.2
	ClientBasic                // a configured client by HTTP Basic; errors are problems
)

// From says from where a request may come; crosssite.go decides.
type From int

// The zero From cannot be in a table.
const (
	Anywhere      From = iota + 1 // reads nothing of a session and changes nothing by itself, or carries its own proof
	Reading                       // reads: other origins may send it, but cannot read the answer
	Changing                      // changes something, or calls an api
	Visiting                      // a person goes there from any site; all else as Changing
	Navigation                    // a person goes there, from any site
	OwnNavigation                 // a person goes there, from this origin
	Page                          // what a browser shows or loads, at this origin
	NoPage                        // no web page: a program, or a person who typed the address
	FrontProxy                    // the front proxy, with the headers of a browser
)

// Keep says who may keep an answer, and who bounds the body.
type Keep int

// The zero Keep cannot be in a table.
const (
	NoStore    Keep = iota + 1 // nobody keeps it; Vary has Cookie
	Revalidate                 // kept, and asked about again each time
	Carried                    // the handler sets all headers and bounds the body: an upstream's answer, or a file
)

// A Permission is what a client was given in the configuration.
type Permission int

// NoPermission is enough where any client may ask.
const (
	NoPermission Permission = iota
	Manage                  // users, sessions, rights
	Data                    // data of its own
)

func (row *Row) check() error {
	if row.Who == 0 || row.From == 0 || row.Keep == 0 || row.Do == nil || row.Method == "" {
		return errors.New("a route without a policy: " + row.Method + " " + row.Path)
	}
	if row.May != NoPermission && row.Who != ClientForm && row.Who != ClientBasic {
		return errors.New("a permission of a client on a route that is for no client: " + row.Path)
	}
	return nil
}

// methods are the rows of one path.
type methods map[string]*Row

func (m methods) row(method string) *Row {
	if row := m[Any]; row != nil {
		return row
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return m[method]
}

// set puts the headers of an answer that is bff's own.
func (k Keep) set(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // a callback's address holds a code
	h.Set("X-Frame-Options", "DENY")
	switch k {
	case NoStore:
		h.Set("Cache-Control", "no-store")
		answer.AddVary(h, "Cookie") // beside the Origin of CORS
	case Revalidate:
		h.Set("Cache-Control", "no-cache")
	}
}
