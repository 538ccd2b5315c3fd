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
	recent map[uint64]uint64 // address and validator -> who had it; shared: more than one
	older  map[uint64]uint64
}

// mostValidators bounds each half of what a mount remembers.
const mostValidators = 16384

func newValidators() *validators { return &validators{seed: maphash.MakeSeed()} }

func (v *validators) hash(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(v.seed)
	for _, part := range parts {
		_, _ = h.WriteString(part)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// shared stands for more than one account.
const shared = 0

func (v *validators) add(hash, account uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if was, ok := v.get(hash); ok && was != account {
		account = shared
	}
	if len(v.recent) >= mostValidators {
		v.recent, v.older = nil, v.recent
	}
	if v.recent == nil {
		v.recent = make(map[uint64]uint64)
	}
	v.recent[hash] = account
}

func (v *validators) has(hash, account uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	was, ok := v.get(hash)
	return ok && was == account && was != shared
}

// get is called under the lock.
func (v *validators) get(hash uint64) (account uint64, ok bool) {
	if account, ok = v.recent[hash]; !ok {
		account, ok = v.older[hash]
	}
	return account, ok
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
		x.gave(byTag, bareTag(tag))
	}
	if date := h.Get("Last-Modified"); date != "" {
		x.gave(byDate, date)
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

func (x *exchange) gave(kind, value string) {
	v := x.mount.given
	v.add(v.hash(x.address(), kind, value), v.hash(x.by.Account))
}

func (x *exchange) had(kind, value string) bool {
	v := x.mount.given
	return v.has(v.hash(x.address(), kind, value), v.hash(x.by.Account))
}

// fromBrowser reports whether a browser with a cache of its own asks. Other clients keep what they keep by themselves.
func (x *exchange) fromBrowser() bool { return len(x.in.Header["Sec-Fetch-Dest"]) > 0 }

// address is what a browser keeps an answer under.
func (x *exchange) address() string { return x.in.URL.EscapedPath() + "?" + x.in.URL.RawQuery }

// bareTag is an entity tag as If-None-Match compares it (RFC 9110 section 8.8.3.2): the weak ones too.
func bareTag(tag string) string { return strings.TrimPrefix(strings.TrimSpace(tag), "W/") }
