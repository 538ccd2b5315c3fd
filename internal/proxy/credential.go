package proxy

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"bff/internal/secret"
)

// A Credential authenticates requests to an upstream: a bearer token, an assertion, an API key, a proof of
// possession. It is safe for concurrent use.
type Credential interface {
	// Authorize puts the proof into an outbound request whose URL, method and header are final but for it. It is
	// called once for each time that the request is sent, and must not keep the request. It may fail; then nothing is
	// sent.
	Authorize(*http.Request) error
	// Secrets are the values that the tripwire watches for: what Authorize sends, and what it is made of.
	Secrets() []secret.Text
}

// A Caller is on whose behalf a call is carried.
type Caller struct {
	Credential Credential
	Account    Account // whose answers these are: what a browser keeps is bound to it
	// Renew is called after a 401 that is about the credential. It returns a fresh one for a second try; nil, or one
	// of the same secrets, means that there is none. A nil Renew means no second try.
	Renew   func(context.Context) (Credential, error)
	Target  *Target         // where the call goes, of the same mount; nil: to the mount's own upstream
	Secrets []secret.Text   // further ones that the tripwire watches for
	Front   string          // for a backend: the origin that was called; the mount's when empty
	Address string          // for a backend: the client's address; the connection's when empty
	Done    <-chan struct{} // closed when the session ends: what still flows ends within seconds; nil: never
}

// An Account is one of a provider's. The zero Account is one too.
type Account struct{ Provider, Subject string }

// A token is sent as it is, in the header that the mount names, or in a parameter of the query.
type token struct {
	of    *Config
	value secret.Text
}

// Token returns the credential that sends t the way this mount's upstream wants it.
func (m *Mount) Token(t secret.Text) Credential {
	return token{&m.cfg, t}
}

func (t token) Secrets() []secret.Text { return []secret.Text{t.value} }

func (t token) Authorize(r *http.Request) error {
	v := t.value.Reveal()
	if name := t.of.Query; name != "" {
		q := withoutParameter(r.URL.RawQuery, name)
		if q != "" {
			q += "&"
		}
		r.URL.RawQuery = q + name + "=" + url.QueryEscape(v)
		return nil
	}
	if t.of.Scheme != "" {
		v = t.of.Scheme + " " + v
	}
	r.Header[t.of.Header] = []string{v}
	return nil
}

var parameterName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// withoutParameter takes out of a query what a reader may take for the parameter of that name, as the loosest of them
// reads names: decoded, in any case, without spaces around, cut at a bracket or a zero byte. Every other byte stays.
func withoutParameter(query, name string) string {
	kept := make([]string, 0, 8)
	for pair := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(key); err == nil {
			key = decoded
		}
		if i := strings.IndexAny(key, "[\x00"); i >= 0 {
			key = key[:i]
		}
		if pair != "" && !strings.EqualFold(strings.TrimSpace(key), name) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}
