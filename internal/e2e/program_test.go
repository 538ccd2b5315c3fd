package e2e_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// An attempt is one request that a program answered.
type attempt struct {
	id, kind, user, session string
	status                  int
}

// hangs has every request from now on wait until release is called.
func (p *program) hangs() (release func()) {
	hang := make(chan struct{})
	p.mu.Lock()
	p.hang = hang
	p.mu.Unlock()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.hang != nil {
			p.hang = nil
			close(hang)
		}
	}
}

func (p *program) wait(r *http.Request) {
	p.mu.Lock()
	hang := p.hang
	if hang != nil {
		p.hung++
	}
	p.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}
}

// waiting is how many requests have waited.
func (p *program) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hung
}

// note keeps what a request said. The caller holds the lock.
func (p *program) note(id string, body []byte) {
	p.raw = append(append(p.raw, body...), '\n')
	var m struct {
		Type string
		Data struct{ User, Session struct{ ID string } }
	}
	if json.Unmarshal(body, &m) == nil {
		p.tries = append(p.tries, attempt{id, m.Type, m.Data.User.ID, m.Data.Session.ID, p.status})
	}
}

// received is all that it was sent.
func (p *program) received() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.raw)
}

// taken are the events of a user that it took, each once, in the order in which they came first.
func (p *program) taken(user string) (all []attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.tries {
		known := slices.ContainsFunc(all, func(b attempt) bool { return b.id == a.id })
		if a.user == user && a.status == http.StatusOK && !known {
			all = append(all, a)
		}
	}
	return all
}

// heard is how many different events of a type it took of a user.
func (p *program) heard(user, kind string) (n int) {
	for _, a := range p.taken(user) {
		if a.kind == kind {
			n++
		}
	}
	return n
}

// story is the types of what it took of a user.
func (p *program) story(user string) string {
	var types []string
	for _, a := range p.taken(user) {
		types = append(types, a.kind)
	}
	return strings.Join(types, " ")
}

// sessions is what it took of a user's sessions: type and id.
func (p *program) sessions(user string) (all []string) {
	for _, a := range p.taken(user) {
		if strings.HasPrefix(a.kind, "session.") {
			all = append(all, a.kind+" "+a.session)
		}
	}
	return all
}

// attempts is how many requests spoke of a user.
func (p *program) attempts(user string) int { return len(p.of(user)) }

func (p *program) of(user string) (all []attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.tries {
		if a.user == user {
			all = append(all, a)
		}
	}
	return all
}

// idsOf are the ids of the requests that spoke of a user, each once, in their order.
func (p *program) idsOf(user string) (ids []string) {
	for _, a := range p.of(user) {
		if !slices.Contains(ids, a.id) {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// underTwoIDs are the ends of sessions that came as different events.
func (p *program) underTwoIDs() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := map[string]string{}
	for _, a := range p.tries {
		if a.kind != "session.ended" {
			continue
		}
		if id, ok := first[a.session]; ok && id != a.id {
			all = append(all, a.session)
		}
		first[a.session] = a.id
	}
	return all
}
