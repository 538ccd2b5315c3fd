package demo

import (
	"bff/internal/demo/answer"
	"bff/internal/demo/journal"
	"bff/internal/demo/provider"
	"bff/internal/demo/trouble"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Hooks connect the control to whatever runs the demo. Both may be nil.
type Hooks struct {
	Who    func(*http.Request) (subject string)                        // the demo person of whoever calls, "" for nobody
	SignIn func(w http.ResponseWriter, r *http.Request, person string) // answers POST /demo/sign-in
}

// A control is a demo and what runs it.
type control struct {
	*Demo
	hooks Hooks
}

// Control is what the demo app shows and does at the provider, for mounting at /demo/ of the client's own origin. It
// answers that origin alone: what changes something needs X-CSRF: 1, which no other site can send, and no other
// Sec-Fetch-Site than same-origin.
func (d *Demo) Control(h Hooks) http.Handler {
	c := control{Demo: d, hooks: h}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo/state", func(w http.ResponseWriter, r *http.Request) {
		c.serveState(w, c.person(r), r.Header["Cookie"])
	})
	mux.HandleFunc("GET /demo/log", c.serveLog)
	mux.HandleFunc("POST /demo/do", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Do string `json:"do"`
		}
		if !decode(w, r, &in) {
			return
		}
		c.serveDo(w, r, in.Do, c.person(r))
	})
	if h.SignIn != nil {
		mux.HandleFunc("POST /demo/sign-in", func(w http.ResponseWriter, r *http.Request) {
			var in struct {
				Person string `json:"person"`
			}
			if !decode(w, r, &in) {
				return
			}
			if c.Find(in.Person) == nil {
				answer.JSON(w, http.StatusNotFound, map[string]any{"error": "nobody here has that name"})
				return
			}
			h.SignIn(w, r, in.Person)
		})
	}
	return c.ownOrigin(mux)
}

// person resolves the caller to a demo person.
func (c control) person(r *http.Request) *provider.Person {
	if c.hooks.Who == nil {
		return nil
	}
	return c.Find(c.hooks.Who(r))
}

// ownOrigin refuses other sites, and names that were pointed at this address from outside (DNS rebinding).
func (c control) ownOrigin(next http.Handler) http.Handler {
	host := ""
	if u, err := url.Parse(c.cfg.Origin); err == nil {
		host = u.Host
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case r.Host != host,
			origin != "" && origin != c.cfg.Origin,
			site != "" && site != "same-origin" && !(safe && site == "none"),
			!safe && r.Header.Get("X-CSRF") != "1":
			answer.JSON(w, http.StatusForbidden, map[string]any{"error": "this is for the demo's own page: send X-CSRF: 1"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func decode(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(v); err != nil {
		answer.JSON(w, http.StatusBadRequest, map[string]any{"error": "the body is not the JSON object that is wanted here"})
		return false
	}
	return true
}

// serveState tells what the page cannot see by itself: what the provider counted, and how many cookies of how many bytes
// the browser sends: the session's, and one of a sign-in that has not ended, or came to nothing a few minutes ago.
func (c control) serveState(w http.ResponseWriter, p *provider.Person, sent []string) {
	state := struct {
		Mode trouble.Mode `json:"mode"`
		journal.Counts
		TokenLifetime int      `json:"token_lifetime"`
		Cookies       int      `json:"cookies"`
		CookieBytes   int      `json:"cookie_bytes"`
		People        []string `json:"people"`
		Fronts        []string `json:"fronts,omitempty"` // further ones of the app
		You           any      `json:"you,omitempty"`
		Rows          any      `json:"rows"`  // of the application's own database
		Heard         any      `json:"heard"` // events that the application received
	}{Mode: c.Mode(), Counts: c.Counts(), TokenLifetime: int(c.cfg.TokenLifetime.Seconds()),
		Cookies:     len((&http.Request{Header: http.Header{"Cookie": sent}}).Cookies()),
		CookieBytes: len(strings.Join(sent, "; ")), Fronts: c.cfg.Fronts, Rows: c.Rows(), Heard: c.Heard()}
	people := c.People()
	for _, q := range people[:min(len(people), 20)] {
		state.People = append(state.People, q.Name)
	}
	if p != nil {
		state.You = struct {
			Person string `json:"person"`
			journal.Counts
		}{p.Name, c.CountsOf(p.Name)}
	}
	answer.JSON(w, http.StatusOK, state)
}

func (c control) serveLog(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		after = 0
	}
	answer.JSON(w, http.StatusOK, map[string]any{"entries": c.Log(after)})
}

// serveDo does one thing. Where it concerns a person it is the caller; when nobody is signed in, everybody.
func (c control) serveDo(w http.ResponseWriter, r *http.Request, what string, p *provider.Person) {
	var err error
	switch what {
	case "expire":
		if p == nil {
			c.ExpireAll()
		} else {
			c.ExpirePerson(p.Name)
		}
	case "revoke":
		if p == nil {
			c.RevokeAll()
		} else {
			c.RevokePerson(p.Name)
		}
	case "rotate":
		err = c.RotateKeys()
	case "end-elsewhere":
		err = c.endElsewhere(r.Context(), p)
	case "reset":
		c.SwitchAPI(trouble.Up)
		err = c.Switch(trouble.Up)
	default:
		if err = c.Switch(trouble.Mode(what)); err != nil {
			answer.JSON(w, http.StatusBadRequest, map[string]any{"error": "nothing is called that"})
			return
		}
	}
	if err != nil {
		answer.JSON(w, http.StatusInternalServerError, map[string]any{"error": "it could not be done"})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// endElsewhere signs a person, or everybody, out at the provider: what a person does on another device.
func (c control) endElsewhere(ctx context.Context, p *provider.Person) error {
	if p != nil {
		return c.SendLogout(ctx, p.Name, "")
	}
	for _, q := range c.People() {
		if err := c.SendLogout(ctx, q.Name, ""); err != nil {
			return err
		}
	}
	return nil
}
