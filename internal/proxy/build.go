package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"bff/internal/proxy/jsonurl"
	"bff/internal/proxy/tripwire"

	"golang.org/x/net/http/httpguts"
)

// New checks cfg and makes a mount. Every error is a [*ConfigError]; more than one are joined.
func New(cfg Config) (*Mount, error) {
	m := &Mount{cfg: cfg, transport: cfg.Transport, validators: binders(cfg.Validators), sets: new(tripwire.Cache),
		fixed: []string{"nosniff", "same-origin", sandbox, "private, no-cache", "Cookie, BFF-Connection, Sec-Fetch-Dest"}}
	_, m.hints = cfg.Transport.(interface{ Hints() })
	if m.cfg.Log == nil {
		m.cfg.Log = slog.New(slog.DiscardHandler)
	}
	m.cfg.Timeout = cmp.Or(max(0, cfg.Timeout), 30*time.Second)
	m.cfg.Idle = cmp.Or(max(0, cfg.Idle), 10*time.Minute)
	m.cfg.Stall = cmp.Or(max(0, cfg.Stall), time.Minute)
	var errs []error
	fail := func(field string, err error) {
		if err != nil {
			errs = append(errs, &ConfigError{Field: field, Err: err})
		}
	}
	m.setRoot(fail)
	m.setBases(fail)
	m.setAllow(fail)
	m.setHeaders(fail)
	m.out, m.back = outward(), inward()
	if cfg.Backend {
		m.out, m.back = outwardToBackend(), inwardFromBackend()
	}
	m.out.setOnly("request_headers", cfg.RequestHeaders, fail)
	m.back.setOnly("response_headers", cfg.ResponseHeaders, fail)
	for i, f := range cfg.Rewrite {
		path, err := jsonurl.Parse(f)
		fail(fmt.Sprintf("rewrite[%d]", i), err)
		m.fields = append(m.fields, path)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	// most events and messages are smaller; each of many thousands holds one, a socket two
	m.small = newBuffers(1 << 10)
	m.large = newBuffers(32 << 10)
	m.huge = newBuffers(128 << 10)
	m.huge.most = mostHuge
	m.sockets = m.newProxy()
	return m, nil
}

// setRoot finds out where the mount is, seen from a browser.
func (m *Mount) setRoot(fail func(string, error)) {
	origin, err := url.Parse(m.cfg.Origin)
	if err != nil || origin.Host == "" || origin.Path != "" {
		fail("origin", errors.New(`an absolute URL without a path is needed: write "https://app.example.com"`))
		return
	}
	m.root = m.cfg.Origin
	if m.cfg.Host != "" {
		host := m.cfg.Host
		if strings.ContainsAny(host, "/@?#\\ %") {
			fail("host", errors.New(`a host name is needed: write "drive.app.example.com"`))
		}
		if _, _, err := net.SplitHostPort(host); err != nil && origin.Port() != "" {
			host += ":" + origin.Port()
		}
		m.root = origin.Scheme + "://" + host
	}
	if m.cfg.Backend && m.cfg.Path == "/" {
		m.cfg.Path = ""
	} else if m.cfg.Path == "" && m.cfg.Host == "" {
		fail("path", errors.New(`a mount path is needed: write "/api/`+m.cfg.Name+`"`))
	}
	fail("path", plainPath(m.cfg.Path))
	m.root += m.cfg.Path
}

func (m *Mount) setAllow(fail func(string, error)) {
	for i, s := range m.cfg.Allow {
		p, err := parsePattern(s, m.cfg.Encoded, m.cfg.Verbs)
		fail(fmt.Sprintf("allow[%d]", i), err)
		m.allow = append(m.allow, p)
	}
	m.checkWildcards("encoded", m.cfg.Encoded, fail)
	m.checkWildcards("verbs", m.cfg.Verbs, fail)
}

// checkWildcards wants each name to be one of a wildcard.
func (m *Mount) checkWildcards(field string, names []string, fail func(string, error)) {
	for i, name := range names {
		if !slices.ContainsFunc(m.cfg.Allow, func(s string) bool {
			return strings.Contains(s, "{"+name+"}") || strings.Contains(s, "{"+name+"...}")
		}) {
			fail(fmt.Sprintf("%s[%d]", field, i),
				fmt.Errorf("no pattern has a wildcard of that name: write {%s} in one", name))
		}
	}
}

// setHeaders checks the fields the mount writes itself.
func (m *Mount) setHeaders(fail func(string, error)) {
	m.own = map[string]bool{}
	own := func(field, name, value string) {
		folded, ok := fold(name)
		switch {
		case !ok:
			fail(field, errFieldName)
		case folded == "cookie" || folded == "host" || folded == "content-length" || hop(folded):
			fail(field, errors.New("this field belongs to the connection and cannot be set"))
		case !httpguts.ValidHeaderFieldValue(value):
			fail(field, errors.New("the value holds control characters"))
		}
		m.own[folded] = true
	}
	if m.cfg.Header == "" {
		m.cfg.Header = "Authorization"
	}
	m.cfg.Header = http.CanonicalHeaderKey(m.cfg.Header)
	if m.cfg.Scheme == "" && m.cfg.Header == "Authorization" {
		m.cfg.Scheme = "Bearer"
	}
	own("header", m.cfg.Header, m.cfg.Scheme)
	if m.cfg.Query != "" && (!parameterName.MatchString(m.cfg.Query) || namesConnection(m.cfg.Query)) {
		fail("query", errors.New("this is no name of a parameter: letters, digits, `_`, `-` and `.`"))
	}
	for name, value := range m.cfg.SetHeaders {
		field := fmt.Sprintf("headers[%q]", name)
		if strings.EqualFold(name, m.cfg.Header) {
			fail(field, errors.New("this field carries the token"))
		}
		own(field, name, value)
	}
	for _, name := range m.cfg.CallHeaders {
		field := fmt.Sprintf("headers[%q]", name)
		if strings.EqualFold(name, m.cfg.Header) {
			fail(field, errors.New("this field carries the token"))
		}
		own(field, name, "")
	}
}
