package proxy

import (
	"cmp"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"time"

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
	outage     outage
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

// Precedence orders mounts as requests look for theirs: those of a host first, then the longest path.
func Precedence(a, b *Mount) int {
	if (a.cfg.Host == "") != (b.cfg.Host == "") {
		return cmp.Compare(b.cfg.Host, a.cfg.Host) // one of them is empty and comes last
	}
	return cmp.Compare(len(b.cfg.Path), len(a.cfg.Path))
}

// HasHost says whether the mount is at a host of its own.
func (m *Mount) HasHost() bool { return m.cfg.Host != "" }

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

// Retry says which answers of an upstream are not passed on at once: the call is made again. Only calls that change
// nothing and have no body are. The zero value makes no call twice.
type Retry struct {
	Statuses []int         // of an answer that may be another a moment later; none: never
	Attempts int           // further ones; 2 when zero
	Wait     time.Duration // the longest before one: an answer that asks for more is passed on; 5 s when zero
}
