package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"bff/internal/dial"
	"bff/internal/proxy/wire"
)

// A base is where a part of the mount leads.
type base struct {
	prefix   string   // below the mount; "" is all
	segments []string // of prefix
	scheme   string
	host     string
	path     string // escaped, without a slash at its end
	outside  bool   // the host is not the operator's word: it may only be dialled on the internet
}

// An Upstream is an absolute base URL of one call.
type Upstream struct {
	URL string
	// Outside says that the host is not the operator's word: a name that resolves to the inner network is refused.
	Outside bool
}

// A Where says where one call goes, as far as the mount's configuration leaves it open.
type Where struct {
	Upstream  Upstream            // in place of Config.Upstream; read where the mount is PerCall
	Upstreams map[string]Upstream // in place of Config.Upstreams, by the same keys
	Headers   map[string]string   // of Config.CallHeaders
}

// A Target is where one call goes. It decides what is called and which URLs of the answer are the mount's.
type Target struct {
	bases  []base // in the order of the mount's
	header map[string]string
}

// Target checks where a call goes. The error says in fixed words what is wrong.
func (m *Mount) Target(w Where) (*Target, error) {
	t := &Target{bases: m.bases, header: w.Headers}
	for name, value := range w.Headers {
		if !httpguts.ValidHeaderFieldValue(value) {
			return nil, errors.New("the value of a header holds control characters")
		}
		if !slices.ContainsFunc(m.cfg.CallHeaders, func(known string) bool { return strings.EqualFold(known, name) }) {
			return nil, errors.New("a header is none of those whose values come with the call")
		}
	}
	if !m.cfg.PerCall {
		return t, nil
	}
	t.bases = make([]base, len(m.bases))
	for i := range m.bases {
		up := w.Upstream
		if prefix := m.bases[i].prefix; prefix != "" {
			up = w.Upstreams[prefix]
		}
		b, err := parseBase(m.bases[i].prefix, up.URL)
		if err != nil {
			return nil, err
		}
		b.outside = up.Outside
		t.bases[i] = b
	}
	return t, nil
}

// aim has c go to a target. nil leaves it to the mount's own upstreams.
func (c *Call) aim(m *Mount, t *Target) error {
	if t == nil {
		if m.cfg.PerCall || len(m.cfg.CallHeaders) > 0 {
			return fmt.Errorf("call %s: %w: nothing says where it goes", m.cfg.Name, ErrUpstreamFailed)
		}
		return nil
	}
	i := slices.IndexFunc(t.bases, func(b base) bool { return b.prefix == c.base.prefix })
	if i < 0 {
		return fmt.Errorf("call %s: %w: the target is another mount's", m.cfg.Name, ErrUpstreamFailed)
	}
	c.base, c.bases, c.header = &t.bases[i], t.bases, t.header
	return nil
}

// limited marks a request whose host is not the operator's word.
func (c *Call) limited(r *http.Request) *http.Request {
	if !c.base.outside {
		return r
	}
	return r.WithContext(wire.Beside(dial.Outside(r.Context(), r.URL.Hostname())))
}

func (m *Mount) setBases(fail func(string, error)) {
	parse := parseBase
	if m.cfg.PerCall {
		parse = func(prefix, _ string) (base, error) { return newBase(prefix), nil }
	}
	main, err := parse("", m.cfg.Upstream)
	fail("upstream", err)
	for prefix, raw := range m.cfg.Upstreams {
		field := fmt.Sprintf("upstreams[%q]", prefix)
		if err := plainPath(prefix); err != nil || prefix == "" {
			fail(field, errors.New(`the key is a path below the mount: write "/upload"`))
			continue
		}
		b, err := parse(prefix, raw)
		fail(field, err)
		m.bases = append(m.bases, b)
	}
	slices.SortFunc(m.bases, func(a, b base) int {
		return cmp.Or(cmp.Compare(len(b.prefix), len(a.prefix)), cmp.Compare(a.prefix, b.prefix))
	})
	m.bases = append(m.bases, main)
}

func parseBase(prefix, raw string) (base, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http":
		return base{}, errors.New(`an absolute URL is needed: write "https://api.example.com/v1"`)
	case u.User != nil:
		return base{}, errors.New("the URL must not hold credentials: take them out")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(raw, "#"):
		return base{}, errors.New("the URL must have no query and no fragment: a path is put behind it")
	}
	b := newBase(prefix)
	b.scheme, b.host, b.path = u.Scheme, strings.ToLower(u.Host), strings.TrimRight(u.EscapedPath(), "/")
	odd := oddity(0)
	if err := walk(b.path, func(s segment) { odd |= s.odd }); err != nil || odd&byMount != 0 {
		return base{}, errors.New(
			"the URL's path can be read in more than one way: write it without dot segments, double slashes and backslashes",
		)
	}
	return b, nil
}

func newBase(prefix string) base {
	b := base{prefix: prefix}
	if prefix != "" {
		b.segments = strings.Split(prefix[1:], "/")
	}
	return b
}

// baseOf finds the base by the reading the patterns saw.
func (m *Mount) baseOf(path []segment) *base {
	for i := range m.bases {
		want := m.bases[i].segments
		if len(path) >= len(want) && slices.EqualFunc(path[:len(want)], want,
			func(s segment, w string) bool { return s.text == w }) {
			return &m.bases[i]
		}
	}
	return &m.bases[len(m.bases)-1] // cannot be reached: the last base has no prefix
}

// plainPath says whether a configured path has only one reading and one spelling.
func plainPath(path string) error {
	if path == "" {
		return nil
	}
	ok := path[0] == '/' && path[len(path)-1] != '/' && !strings.Contains(path, "%")
	if err := walk(path, func(s segment) { ok = ok && s.odd == 0 }); err != nil || !ok {
		return errors.New(`a path of plain segments without a slash at its end is needed: write "/api/name"`)
	}
	return nil
}
