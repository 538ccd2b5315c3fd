package proxy

import (
	"hash/maphash"
	"net/http"
	"strings"
	"sync"
)

// validators remembers, as hashes, which ETag and Last-Modified went to which account, for the requests of browsers.
// A browser keeps an answer under its address alone and asks about it again in the name of whoever is signed in by
// then, also where Vary does not match (RFC 9111 section 4.1 allows it). An upstream that calls the answers of two
// accounts by one name would say 304, and one would see what is the other's. So such a question goes on only for who
// had that answer from here; who did not gets the whole one. It is safe for concurrent use.
type validators struct {
	seed   maphash.Seed
	mu     sync.Mutex
	recent map[uint64]struct{}
	older  map[uint64]struct{}
}

// mostValidators bounds each half of what a mount remembers.
const mostValidators = 16384

func newValidators() *validators { return &validators{seed: maphash.MakeSeed()} }

func (v *validators) hash(account, url, kind, value string) uint64 {
	var h maphash.Hash
	h.SetSeed(v.seed)
	for _, part := range [...]string{account, url, kind, value} {
		_, _ = h.WriteString(part)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

func (v *validators) add(hash uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.recent) >= mostValidators {
		v.recent, v.older = nil, v.recent
	}
	if v.recent == nil {
		v.recent = make(map[uint64]struct{})
	}
	v.recent[hash] = struct{}{}
}

func (v *validators) has(hash uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.recent[hash]
	if !ok {
		_, ok = v.older[hash]
	}
	return ok
}

const (
	byTag  = "tag"
	byDate = "date"
)

// noteValidators remembers those of an answer.
func (x *exchange) noteValidators(h http.Header) {
	if !x.fromBrowser() {
		return
	}
	if tag := h.Get("Etag"); tag != "" {
		x.mount.given.add(x.mount.given.hash(x.by.Account, x.address(), byTag, bareTag(tag)))
	}
	if date := h.Get("Last-Modified"); date != "" {
		x.mount.given.add(x.mount.given.hash(x.by.Account, x.address(), byDate, date))
	}
}

// withholdConditions takes out of a request the conditions on answers that this account did not have from here. A range
// goes with its If-Range: without that it would be a part of another whole.
func (x *exchange) withholdConditions(h http.Header) {
	if x.in.Method != http.MethodGet && x.in.Method != http.MethodHead || !x.fromBrowser() {
		return
	}
	if lines := h["If-None-Match"]; len(lines) > 0 && !x.hadTags(lines) {
		delete(h, "If-None-Match")
		delete(h, "If-Modified-Since") // it would count now
	}
	if date := h.Get("If-Modified-Since"); date != "" && len(h["If-None-Match"]) == 0 && !x.had(byDate, date) {
		delete(h, "If-Modified-Since")
	}
	if on := h.Get("If-Range"); on != "" && !x.had(byTag, bareTag(on)) && !x.had(byDate, on) {
		delete(h, "If-Range")
		delete(h, "Range")
	}
}

func (x *exchange) hadTags(lines []string) bool {
	for _, line := range lines {
		for _, tag := range splitList(line) {
			if !x.had(byTag, bareTag(tag)) {
				return false
			}
		}
	}
	return true
}

func (x *exchange) had(kind, value string) bool {
	return x.mount.given.has(x.mount.given.hash(x.by.Account, x.address(), kind, value))
}

// fromBrowser reports whether a browser with a cache of its own asks. Other clients keep what they keep by themselves.
func (x *exchange) fromBrowser() bool { return len(x.in.Header["Sec-Fetch-Dest"]) > 0 }

// address is what a browser keeps an answer under.
func (x *exchange) address() string { return x.in.URL.EscapedPath() + "?" + x.in.URL.RawQuery }

// bareTag is an entity tag as If-None-Match compares it (RFC 9110 section 8.8.3.2): the weak ones too.
func bareTag(tag string) string { return strings.TrimPrefix(strings.TrimSpace(tag), "W/") }
