package proxy

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"net/http"
	"strings"
	"sync"
	"time"

	"bff/internal/secret"
)

// A browser keeps an answer under its address alone and asks about it again in the name of whoever is signed in by
// then, also where Vary does not match (RFC 9111 section 4.1 allows it). An upstream that calls the answers of two
// accounts by one name would say 304, and one would see what is the other's. So the validators that a browser gets are
// bound to the account, by a tag that only the key ring makes:
//
//	ETag: W/"v1"                 W/"v1.bff-t<tag>"       the upstream's own, whatever it holds
//	Last-Modified, no ETag       "<date>.bff-d<tag>"     a date cannot hold a tag, so an ETag is made that names it
//
// The rules are:
//
//  1. If-None-Match, If-Modified-Since and If-Range of a GET or HEAD of a browser go on only with a tag of this
//     account, and without it; a date of a browser goes on only beside such an If-None-Match, or out of one.
//  2. A 304 or 206 that was not asked for with what went on is no answer: the browser would join it to what it has.
//  3. If-Match, and If-None-Match of other methods, lose a tag of this account. What else they hold goes on as it
//     came: an upstream's own ETag is also in its bodies, and who wrote one means it.
//
// Nothing is remembered, so it holds over instances, restarts and rotations of the ring.

// ValidatorLabel is what a key of Config.Validators is derived from a ring key with.
const ValidatorLabel = "validators"

const (
	ofTag  = ".bff-t"
	ofDate = ".bff-d"
	// sealSize is the length of a tag of 96 bits in base64url.
	sealSize = 16
)

var errUnasked = errors.New("the upstream answered to a condition that it was not asked")

// A binder makes tags with one key. It is safe for concurrent use.
type binder struct{ macs sync.Pool } // of *tagMaker: making ready for a key costs more than a tag

type tagMaker struct {
	mac  hash.Hash
	text [128]byte
	sum  [sha256.Size]byte
}

// binders are what answers are bound with: the first binds, all are known. Without a key of the ring, a random one is
// good for this mount alone.
func binders(keys []secret.Text) []*binder {
	if len(keys) == 0 {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
		keys = []secret.Text{secret.New(string(key))}
	}
	made := make([]*binder, len(keys))
	for i, key := range keys {
		made[i] = &binder{sync.Pool{New: func() any {
			return &tagMaker{mac: hmac.New(sha256.New, []byte(key.Reveal()))}
		}}}
	}
	return made
}

// tag is the tag of a validator of an account.
func (b *binder) tag(kind string, account Account, validator string) (tag [sealSize]byte) {
	m := b.macs.Get().(*tagMaker)
	defer b.macs.Put(m)
	m.mac.Reset()
	head := append(m.text[:0], kind...)
	head = binary.BigEndian.AppendUint64(head, uint64(len(account.Provider)+len(" ")+len(account.Subject)))
	head = append(append(append(head, account.Provider...), ' '), account.Subject...)
	m.mac.Write(append(head, validator...))
	base64.RawURLEncoding.Encode(tag[:], m.mac.Sum(m.sum[:0])[:12])
	return tag
}

// conditions are what one request says of validators, and what the answer to it may.
type conditions struct {
	keys    []*binder
	account Account
	in      *http.Request
}

func (x *exchange) conditions() conditions { return conditions{x.mount.validators, x.by.Account, x.in} }

// bound is an entity tag with the account's tag in it, before the quote that ends it where there is one.
func (v conditions) bound(kind, tag string) string {
	end := len(tag)
	if strings.HasSuffix(tag, `"`) {
		end--
	}
	of := v.keys[0].tag(kind, v.account, bareTag(tag))
	return tag[:end] + kind + string(of[:]) + tag[end:]
}

// unbound is what bound was given, when it was for this account. A front proxy may have made a strong one weak.
func (v conditions) unbound(tag string) (kind, original string, ok bool) {
	end := len(tag)
	if strings.HasSuffix(tag, `"`) {
		end--
	}
	start := end - sealSize - len(ofTag)
	if start < 0 {
		return "", "", false
	}
	kind = tag[start : start+len(ofTag)]
	if kind != ofTag && kind != ofDate {
		return "", "", false
	}
	original = tag[:start] + tag[end:]
	for _, key := range v.keys {
		want := key.tag(kind, v.account, bareTag(original))
		if hmac.Equal(want[:], []byte(tag[start+len(ofTag):end])) {
			return kind, original, true
		}
	}
	return "", "", false
}

// bind names the account in those of an answer.
func (v conditions) bind(res *http.Response) {
	if !v.fromBrowser() {
		return
	}
	h := res.Header
	if tags := h["Etag"]; len(tags) > 0 && strings.TrimSpace(tags[0]) != "" {
		tags[0] = v.bound(ofTag, strings.TrimSpace(tags[0]))
		h["Etag"] = tags[:1:1] // of several, browsers read one
		return
	}
	date := h.Get("Last-Modified")
	if date == "" || !v.asks() || res.StatusCode == http.StatusNotModified { // what is stored has its name
		return
	}
	tag := `"` + base64.RawURLEncoding.EncodeToString([]byte(date)) + `"`
	if !strongDate(h, date) {
		tag = "W/" + tag
	}
	h["Etag"] = []string{v.bound(ofDate, tag)}
}

// strongDate reports whether a date names one sequence of bytes: when it was old enough at the time of the answer
// (RFC 9110 section 8.8.2.2; browsers want a minute).
func strongDate(h http.Header, modified string) bool {
	at, err := http.ParseTime(h.Get("Date"))
	since, wrong := http.ParseTime(modified)
	return err == nil && wrong == nil && at.Sub(since) >= time.Minute && len(h["Content-Encoding"]) == 0
}

// dateOf reads what an ETag names that was made of a date.
func dateOf(tag string) string {
	raw, _ := base64.RawURLEncoding.DecodeString(strings.Trim(bareTag(tag), `"`))
	return string(raw)
}

// unbind takes the account's tags out of the conditions of an outbound request, and conditions of a browser
// that are not this account's out altogether. A range goes with its If-Range: without that it would be a part of
// another whole. The values are shared with the inbound request, and are not written to.
func (v conditions) unbind(h http.Header) {
	v.unbindList(h, "If-Match", "If-Unmodified-Since", false)
	strict := v.asks() && v.fromBrowser()
	if !strict {
		v.unbindList(h, "If-None-Match", "If-Modified-Since", false)
	} else if !v.unbindList(h, "If-None-Match", "If-Modified-Since", true) {
		delete(h, "If-None-Match")
		delete(h, "If-Modified-Since") // it would count now
	}
	if on := h["If-Range"]; len(on) > 0 {
		kind, original, ok := v.unbound(strings.TrimSpace(on[0]))
		switch {
		case ok && kind == ofDate:
			h["If-Range"] = []string{dateOf(original)}
		case ok:
			h["If-Range"] = []string{original}
		case strict:
			delete(h, "If-Range")
			delete(h, "Range")
		}
	}
}

// unbindList takes this account's tags out of a field, and makes it the one for dates when what it names is a date. It
// reports whether there was something in it that was all this account's; strict leaves the field alone when not.
func (v conditions) unbindList(h http.Header, field, dates string, strict bool) bool {
	lines := h[field]
	if len(lines) == 0 {
		return false
	}
	var out []string
	date, all := "", true
	for _, tag := range splitList(strings.Join(lines, ",")) {
		kind, original, ok := v.unbound(tag)
		switch {
		case !ok:
			all, original = false, tag
		case kind == ofDate:
			date = dateOf(original)
			continue
		}
		out = append(out, original)
	}
	if strict && (!all || date != "" && len(out) > 0) {
		return false
	}
	if date != "" && len(out) == 0 {
		delete(h, field)
		h[dates] = []string{date}
		return true
	}
	h[field] = []string{strings.Join(out, ", ")}
	return all && len(out) > 0
}

// unasked reports whether an answer is one to what the upstream was not asked: a 304 without a condition, which a browser
// would join to what it has; a part without a range, of which also the compressed bytes could not be looked into.
func (v conditions) unasked(res *http.Response) bool {
	switch sent := res.Request.Header; res.StatusCode {
	case http.StatusNotModified:
		return v.asks() && v.fromBrowser() && len(sent["If-None-Match"]) == 0 && len(sent["If-Modified-Since"]) == 0
	case http.StatusPartialContent:
		return len(sent["Range"]) == 0
	}
	return false
}

// asks reports whether a cache may answer the request.
func (v conditions) asks() bool {
	return v.in.Method == http.MethodGet || v.in.Method == http.MethodHead
}

// fromBrowser reports whether a browser with a cache of its own asks: those before 2023 may not say Sec-Fetch-Dest.
// Other clients keep what they keep by themselves.
func (v conditions) fromBrowser() bool {
	return len(v.in.Header["Sec-Fetch-Dest"]) > 0 || strings.HasPrefix(v.in.Header.Get("User-Agent"), "Mozilla/")
}

// bareTag is an entity tag as If-None-Match compares it (RFC 9110 section 8.8.3.2): the weak ones too.
func bareTag(tag string) string { return strings.TrimPrefix(tag, "W/") }
