package standin

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
)

// A Journal keeps what was asked of a stand-in, and what it did not take.
type Journal struct {
	mu       sync.Mutex
	asked    map[string]url.Values // the last authorization request of each kind
	counts   map[Endpoint]int
	refusals []string
}

// refuse answers with a plain error and notes why.
func (j *Journal) refuse(w http.ResponseWriter, why string, status int) {
	j.note(why)
	writeJSON(w, status, map[string]any{"error": "refused", "error_description": why})
}

func (j *Journal) note(why string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.refusals = append(j.refusals, why)
}

func (j *Journal) count(e Endpoint) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.counts[e]++
}

func (j *Journal) request(kind string, q url.Values) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked[kind] = q
}

// Refusals are what the stand-in did not take, and why, in order.
func (j *Journal) Refusals() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.refusals)
}

// Calls counts the requests to an endpoint.
func (j *Journal) Calls(e Endpoint) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.counts[e]
}

// Asked is the last authorization request of a kind.
func (j *Journal) Asked(kind string) url.Values {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.asked[kind]
}
