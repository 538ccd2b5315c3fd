package proxy

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"bff/internal/dial"
	"bff/internal/proxy/coding"
	"bff/internal/proxy/jsonurl"
	"bff/internal/proxy/tripwire"
	"bff/internal/secret"
)

// What Find and Serve answer instead of an upstream.
var (
	ErrBadPath         = errors.New("the path can be read in more than one way")
	ErrNotAllowed      = errors.New("not on the allow-list")
	ErrBodyTooLarge    = errors.New("the body is larger than the limit")
	ErrBadBody         = errors.New("the body cannot be read")
	ErrEnded           = errors.New("the session ended during the call")
	ErrUpstreamFailed  = errors.New("the upstream failed")
	ErrUpstreamTimeout = errors.New("the upstream did not answer in time")
)

// Config is one api: where it is mounted, where it leads, what is allowed.
type Config struct {
	Name       string            // for logs and metrics
	Path       string            // mount path, "/api/calendar", without a slash at its end; "" with Host
	Host       string            // of a host-rooted mount, "drive.app.example.com"; "" normally
	Origin     string            // bff's public origin: what absolute URLs are turned into
	Upstream   string            // required, but with PerCall: absolute base URL
	Upstreams  map[string]string // further bases, by the path below the mount they serve: {"/upload": "https://www.googleapis.com/upload/drive/v3"}
	Allow      []string          // net/http.ServeMux patterns below the mount; nothing else is carried
	Encoded    []string          // names of pattern wildcards whose segment may hold %2F and %2E
	Rewrite    []string          // JSON fields that hold absolute URLs: `$["@odata.nextLink"]`, `$.paging.next`, `$.items[*].link`
	Header     string            // carries the token; "Authorization"
	Scheme     string            // before the token; "Bearer" with Authorization, nothing with another header
	Query      string            // the parameter that carries the token instead of a header; "" normally
	SetHeaders map[string]string // fixed headers for the upstream
	// Verbs are names of pattern wildcards that may end in a custom verb (":append") with methods other than GET.
	Verbs []string
	// RequestHeaders and ResponseHeaders name the fields that pass besides the usual ones, and then no others do. nil
	// lets all pass that are of no family which is refused.
	RequestHeaders, ResponseHeaders []string
	// to the answer's header, from the last byte of the request that the upstream was given; 30s
	Timeout   time.Duration
	Idle      time.Duration     // without a byte in either direction; 10min
	Stall     time.Duration     // without a byte of a body that a client sends, before the answer begins; 1min
	Retry     Retry             // which answers are not passed on at once
	MaxBody   int64             // of a request, in bytes; 0 is no limit
	Transport http.RoundTripper // required: the connections to upstreams; NewTransport makes one
	Log       *slog.Logger      // discarded when nil
	// Backend marks an upstream of the operator's own, trusted with its origin. With the Path "/" it has every path that
	// no longer mount has, but for those of bff.
	Backend bool
	// Validators are the keys that bind what a browser keeps to the account that it is of, derived from the key ring with
	// ValidatorLabel: the first binds, all are known. A random one when there is none.
	Validators []secret.Text
	// PerCall says that the upstream is another for each call: Caller.Target. Upstream and the values of Upstreams are not read.
	PerCall bool
	// CallHeaders names further fixed headers, whose values come with Caller.Target.
	CallHeaders []string
	OwnCookie   func(name string) bool // which cookies are bff's: a backend sees and sets none of them; all when nil
	OnTrip      func(api string)       // the tripwire masked a secret; called once for a call
}

// A ConfigError is a mistake of the configuration. Field is relative to the api: "allow[1]".
type ConfigError struct {
	Field string
	Err   error // says what to write instead
}

func (e *ConfigError) Error() string { return e.Field + ": " + e.Err.Error() }
func (e *ConfigError) Unwrap() error { return e.Err }

// A Mount carries calls to one api. It is safe for concurrent use.
type Mount struct {
	cfg        Config
	allow      []pattern
	bases      []base          // longest prefix first; the last one has none
	own        map[string]bool // folded names of the fields that the mount writes itself
	out, back  *filter
	fields     []jsonurl.Field
	root       string   // the absolute URL of the mount, without a slash at its end
	fixed      []string // values every answer gets: made once
	transport  http.RoundTripper
	hints      bool                   // the transport tells a wire.Holder of informational answers
	sockets    *httputil.ReverseProxy // carries WebSockets
	streams    tripwire.Streams
	sets       *tripwire.Cache // by itself: its timer must not hold the mount
	guards     coding.Guards
	large      *buffers // of bodies
	huge       *buffers // of long bodies, few at once: a system call and a look for secrets move more
	small      *buffers // of sockets and event streams: many at once, with little in each
	validators []*binder
}

// A Call is a request that may be carried.
type Call struct {
	base    *base
	bases   []base // all of the mount's, or of the target that Serve was given; base is one of them
	header  map[string]string
	rest    string // escaped, below the base
	pattern string // that lets it through
}

// Pattern is the item of Allow that lets the call through.
func (c *Call) Pattern() string { return c.pattern }

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

var errFieldName = errors.New("a field name of letters, digits and hyphens is needed")

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

// Precedence orders mounts as requests look for theirs: those of a host first, then the longest path.
func Precedence(a, b *Mount) int {
	if (a.cfg.Host == "") != (b.cfg.Host == "") {
		return cmp.Compare(b.cfg.Host, a.cfg.Host) // one of them is empty and comes last
	}
	return cmp.Compare(len(b.cfg.Path), len(a.cfg.Path))
}

// HasHost says whether the mount is at a host of its own.
func (m *Mount) HasHost() bool { return m.cfg.Host != "" }

// Serves says whether r is for this mount, by its host and the escaped path.
func (m *Mount) Serves(r *http.Request) bool {
	if m.cfg.Host != "" && !m.isHost(r.Host) {
		return false
	}
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	rest, ok := strings.CutPrefix(target, m.cfg.Path)
	if m.cfg.Path == "" && m.cfg.Host == "" && isBFFs(r, target) {
		return false
	}
	return ok && (rest == "" || rest[0] == '/' || rest[0] == '?')
}

// isBFFs reports whether a target is below /bff to any reader.
func isBFFs(r *http.Request, target string) bool {
	for _, path := range [...]string{target, r.URL.Path} {
		if rest, ok := strings.CutPrefix(path, "/bff"); ok && (rest == "" || strings.IndexByte("/?;", rest[0]) >= 0) {
			return true
		}
	}
	return false
}

func (m *Mount) isHost(host string) bool {
	if _, _, err := net.SplitHostPort(m.cfg.Host); err != nil { // without a port, any
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
	}
	return strings.EqualFold(host, m.cfg.Host)
}

// Find reads the path of a request this mount serves: ErrBadPath when it has more than one reading, ErrNotAllowed
// when it is not on the list.
func (m *Mount) Find(r *http.Request) (*Call, error) {
	path, query, err := splitTarget(r)
	if err != nil {
		return nil, err
	}
	below, ok := strings.CutPrefix(path, m.cfg.Path)
	if !ok {
		return nil, ErrNotAllowed
	}
	var few [16]segment
	segments, err := readPath(below, few[:0])
	if err != nil {
		return nil, err
	}
	by, err := m.allows(r.Method, segments)
	if err != nil {
		return nil, err
	}
	if !m.cfg.Backend && (overridesMethod(r.Method, query) || becomesCode(r.Header)) ||
		m.cfg.Backend && by.method != "" && overridesMethod(r.Method, query) {
		return nil, ErrNotAllowed
	}
	b := m.baseOf(segments)
	for range b.segments { // the same segments, as they were spelled
		below = below[1+len(segments[0].raw):]
		segments = segments[1:]
	}
	return &Call{base: b, bases: m.bases, rest: below, pattern: by.source}, nil
}

// becomesCode says whether a browser asks for something it would run or style the page with.
func becomesCode(h http.Header) bool {
	switch h.Get("Sec-Fetch-Dest") {
	case "script", "style", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet", "xslt",
		"object", "embed":
		return true
	}
	return h.Get("Service-Worker") != ""
}

// NewTransport makes the connections to upstreams: many idle ones, HTTP/2 where it is spoken, nothing decompressed,
// nothing total.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dial.Context(net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    512,
		MaxResponseHeaderBytes: 256 << 10,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second,
			MaxReceiveBufferPerStream: 1 << 20}, // held for a client that does not read
	}
}
