package standin

import (
	"net/http"
	"slices"
	"sync"
)

// A Journal keeps what a stand-in did not take.
type Journal struct {
	mu       sync.Mutex
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

// Refusals are what the stand-in did not take, and why, in order.
func (j *Journal) Refusals() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.refusals)
}
