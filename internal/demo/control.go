package demo

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

// Hooks connect the control to whatever runs the demo. Both may be nil.
type Hooks struct {
	Who    func(*http.Request) (subject string)                        // the demo person of whoever calls, "" for nobody
	SignIn func(w http.ResponseWriter, r *http.Request, person string) // answers POST /demo/sign-in
}

// Control is what the demo app shows and does at the provider, for mounting at /demo/ of the client's own origin. It
// answers that origin alone: what changes something needs X-CSRF: 1, which no other site can send, and no other
// Sec-Fetch-Site than same-origin.
func (d *Demo) Control(h Hooks) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo/state", func(w http.ResponseWriter, r *http.Request) {
		d.serveState(w, h.person(d, r), len(r.Header.Get("Cookie")))
	})
	mux.HandleFunc("GET /demo/log", d.serveLog)
	mux.HandleFunc("POST /demo/do", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Do string `json:"do"`
		}
		if !decode(w, r, &in) {
			return
		}
		d.serveDo(w, r, in.Do, h.person(d, r))
	})
	if h.SignIn != nil {
		mux.HandleFunc("POST /demo/sign-in", func(w http.ResponseWriter, r *http.Request) {
			var in struct {
				Person string `json:"person"`
			}
			if !decode(w, r, &in) {
				return
			}
			if d.find(in.Person) == nil {
				writeJSON(w, http.StatusNotFound, map[string]any{"error": "nobody here has that name"})
				return
			}
			h.SignIn(w, r, in.Person)
		})
	}
	return d.ownOrigin(mux)
}

// person resolves the caller to a demo person.
func (h Hooks) person(d *Demo, r *http.Request) *Person {
	if h.Who == nil {
		return nil
	}
	return d.find(h.Who(r))
}

// ownOrigin refuses other sites, and names that were pointed at this address from outside (DNS rebinding).
func (d *Demo) ownOrigin(next http.Handler) http.Handler {
	host := ""
	if u, err := url.Parse(d.cfg.Origin); err == nil {
		host = u.Host
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case r.Host != host,
			origin != "" && origin != d.cfg.Origin,
			site != "" && site != "same-origin" && !(safe && site == "none"),
			!safe && r.Header.Get("X-CSRF") != "1":
			writeJSON(w, http.StatusForbidden, map[string]any{"error": "this is for the demo's own page: send X-CSRF: 1"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func decode(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(v); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "the body is not the JSON object that is wanted here"})
		return false
	}
	return true
}

// serveState tells what the page cannot see by itself: what the provider counted, and how many bytes of cookie the
// browser sends.
func (d *Demo) serveState(w http.ResponseWriter, p *Person, cookieBytes int) {
	d.mu.Lock()
	state := struct {
		Mode Mode `json:"mode"`
		Counts
		TokenLifetime int      `json:"token_lifetime"`
		CookieBytes   int      `json:"cookie_bytes"`
		People        []string `json:"people"`
		You           any      `json:"you,omitempty"`
	}{Mode: d.mode.name, Counts: d.counts, TokenLifetime: int(d.cfg.TokenLifetime.Seconds()), CookieBytes: cookieBytes}
	for _, q := range d.people[:min(len(d.people), 20)] {
		state.People = append(state.People, q.Name)
	}
	if p != nil {
		own := Counts{}
		if c := d.own[p.Name]; c != nil {
			own = *c
		}
		state.You = struct {
			Person string `json:"person"`
			Counts
		}{p.Name, own}
	}
	d.mu.Unlock()
	writeJSON(w, http.StatusOK, state)
}

func (d *Demo) serveLog(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		after = 0
	}
	writeJSON(w, http.StatusOK, map[string]any{"entries": d.Log(after)})
}

// serveDo does one thing. Where it concerns a person it is the caller; when nobody is signed in, everybody.
func (d *Demo) serveDo(w http.ResponseWriter, r *http.Request, what string, p *Person) {
	var err error
	switch what {
	case "expire":
		if p == nil {
			d.ExpireAll()
		} else {
			d.ExpirePerson(p.Name)
		}
	case "revoke":
		if p == nil {
			d.RevokeAll()
		} else {
			d.RevokePerson(p.Name)
		}
	case "rotate":
		err = d.RotateKeys()
	case "end-elsewhere":
		err = d.endElsewhere(r.Context(), p)
	case "reset":
		d.SwitchAPI(Up)
		err = d.Switch(Up)
	default:
		if err = d.Switch(Mode(what)); err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]any{"error": "nothing is called that"})
			return
		}
	}
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, map[string]any{"error": "it could not be done"})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// endElsewhere signs a person, or everybody, out at the provider: what a person does on another device.
func (d *Demo) endElsewhere(ctx context.Context, p *Person) error {
	if p != nil {
		return d.SendLogout(ctx, p.Name, "")
	}
	for _, q := range d.People() {
		if err := d.SendLogout(ctx, q.Name, ""); err != nil {
			return err
		}
	}
	return nil
}
