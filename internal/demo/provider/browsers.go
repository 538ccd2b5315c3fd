package provider

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"bff/internal/demo/shelf"
)

// A flow is a request on its way through the pages, bound to one browser.
type flow struct {
	request
	browser string
	person  *Person // once picked
	began   time.Time
}

// A browser is one that was here before, known by a cookie: who is signed in, and the session id of each.
type browser struct {
	sids map[string]string // person -> sid
	last string
	form string // proves that a form came from a page of ours
}

const flowLifetime = 10 * time.Minute

// browsers knows who is signed in where, and which flows are under way.
type browsers struct {
	*common
	cookie string // its name holds the port, for cookies are shared between the ports of a host

	mu    sync.Mutex
	known *shelf.Shelf[*browser]
	flows *shelf.Shelf[*flow]
}

func newBrowsers(c *common, port string) *browsers {
	return &browsers{
		common: c, cookie: "demo_browser_" + port, known: shelf.New[*browser](10_000), flows: shelf.New[*flow](10_000),
	}
}

// of knows a browser by its cookie, and gives it one.
func (bs *browsers) of(w http.ResponseWriter, r *http.Request) (string, *browser) {
	if c, err := r.Cookie(bs.cookie); err == nil {
		bs.mu.Lock()
		b, ok := bs.known.Get(c.Value)
		bs.mu.Unlock()
		if ok {
			return c.Value, b
		}
	}
	id, b := shelf.Random(24), &browser{sids: map[string]string{}, form: shelf.Random(16)}
	bs.mu.Lock()
	bs.known.Put(id, b)
	bs.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: bs.cookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return id, b
}

// begin keeps a flow and returns its name.
func (bs *browsers) begin(f *flow) string {
	name := shelf.Random(24)
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.flows.Put(name, f)
	return name
}

// flowOf finds the flow that a form or a page belongs to. It must be this browser's and young.
func (bs *browsers) flowOf(r *http.Request) (string, *flow, *browser) {
	c, err := r.Cookie(bs.cookie)
	if err != nil || r.ParseForm() != nil {
		return "", nil, nil
	}
	name := r.Form.Get("flow")
	bs.mu.Lock()
	defer bs.mu.Unlock()
	f, waiting := bs.flows.Get(name)
	b, known := bs.known.Get(c.Value)
	if !waiting || !known || c.Value != f.browser || !bs.now().Before(f.began.Add(flowLifetime)) {
		return "", nil, nil
	}
	return name, f, b
}

// take ends a flow. It is false for one that ended before.
func (bs *browsers) take(name string) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	_, ok := bs.flows.Get(name)
	bs.flows.Remove(name)
	return ok
}

// pick signs a person in at a browser, for a flow of it.
func (bs *browsers) pick(b *browser, f *flow, p *Person) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if b.sids[p.Name] == "" {
		b.sids[p.Name] = shelf.Random(16)
	}
	b.last, f.person = p.Name, p
}

// enter adds a browser that was never here, with one person signed in, and returns its id.
func (bs *browsers) enter(p *Person) string {
	id := shelf.Random(16)
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.known.Put(id, &browser{sids: map[string]string{p.Name: shelf.Random(16)}, last: p.Name, form: shelf.Random(16)})
	return id
}

func (bs *browsers) signedIn(b *browser, p *Person) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return b != nil && b.sids[p.Name] != ""
}

// lastAt is who signed in last at a browser.
func (bs *browsers) lastAt(b *browser) *Person {
	bs.mu.Lock()
	name := b.last
	bs.mu.Unlock()
	return bs.people.Find(name)
}

// anybody reports whether somebody is signed in at a browser.
func (bs *browsers) anybody(b *browser) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return len(b.sids) > 0
}

// end forgets a browser and returns who was signed in, with their session ids.
func (bs *browsers) end(id string, b *browser) map[string]string {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	sids := b.sids
	b.sids = map[string]string{}
	bs.known.Remove(id)
	return sids
}

// sid is the session id of a person at a browser, "" without one.
func (bs *browsers) sid(id, person string) string {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if b, ok := bs.known.Get(id); ok {
		return b.sids[person]
	}
	return ""
}

// sessions are all session ids of a person, sorted.
func (bs *browsers) sessions(person string) []string {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	var out []string
	for b := range bs.known.Values() {
		if sid := b.sids[person]; sid != "" {
			out = append(out, sid)
		}
	}
	slices.Sort(out)
	return out
}
