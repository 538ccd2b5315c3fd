package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"bff/internal/dial"
	"bff/internal/httpfield"
	"bff/internal/trace"
)

// MaxAnswer is how many bytes of an answer's body are read at most.
const MaxAnswer = 64 << 10

// maxWait is the longest that a Retry-After counts.
const maxWait = 24 * time.Hour

var (
	// ErrNoAnswer says that no whole answer came: the program is down, slow, or broke off.
	ErrNoAnswer = errors.New("webhook: no answer")
	// ErrTooLarge says that the answer's body is larger than MaxAnswer.
	ErrTooLarge = errors.New("webhook: the answer is larger than 64 KiB")
)

// An Endpoint is a program that takes messages.
type Endpoint struct {
	URL     string // see CheckURL
	Key     Key
	Timeout time.Duration // of the whole exchange; 0 means 10s
}

// A Message is what is sent once, or again with the same ID.
type Message struct {
	ID   string
	Body []byte // JSON
}

// An Answer is what the program said. A redirect is an answer like any other: it is not followed.
type Answer struct {
	Status     int
	Body       []byte
	RetryAfter time.Duration // at most a day; 0 when it named none
}

// A Sender sends messages. It is safe for concurrent use.
type Sender struct {
	client *http.Client
	now    func() time.Time
}

// NewSender returns a Sender over a transport, such as that of Transport. now may be nil.
func NewSender(transport http.RoundTripper, now func() time.Time) *Sender {
	if now == nil {
		now = time.Now
	}
	return &Sender{now: now, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Transport returns a transport with bounds for a Sender: no proxy, no compression (so that MaxAnswer is what crosses
// the network), headers of at most 64 KiB.
func Transport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
}

// Send delivers a message once and returns the whole answer, whatever its status. The error is ErrNoAnswer or
// ErrTooLarge, and never quotes the address or what was received.
func (s *Sender) Send(ctx context.Context, to Endpoint, m Message) (Answer, error) {
	timeout := to.Timeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(m.Body))
	if err != nil {
		return Answer{}, fmt.Errorf("%w: the address does not parse", ErrNoAnswer)
	}
	r.Header, err = to.Key.Sign(m.ID, s.now(), m.Body)
	if err != nil {
		return Answer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "bff")
	trace.Name(ctx, r.Header)
	resp, err := s.client.Do(r)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %s", ErrNoAnswer, reason(ctx, err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	switch {
	case err != nil:
		return Answer{}, fmt.Errorf("%w: %s", ErrNoAnswer, reason(ctx, err))
	case len(body) > MaxAnswer:
		return Answer{}, ErrTooLarge
	}
	return Answer{Status: resp.StatusCode, Body: body, RetryAfter: httpfield.RetryAfter(resp.Header, s.now(), maxWait)}, nil
}

// reason is one of three constants: errors of net/http quote the address, whose query may hold a credential.
func reason(ctx context.Context, err error) string {
	var dial *net.OpError
	switch {
	case ctx.Err() != nil:
		return "it took too long"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "it cannot be reached"
	}
	return "it broke off, or what it said is not HTTP"
}

// CheckURL says what is wrong with the address of a program, nil when nothing is. http is taken on loopback only, and
// elsewhere where the operator says insecure.
func CheckURL(address string, insecure bool) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return errors.New("this is not an absolute URL such as https://app.internal/hooks/bff")
	case u.User != nil:
		return errors.New("a URL holds no user name and password; the message is signed instead")
	case u.Fragment != "":
		return errors.New("a URL that is called has no fragment (#)")
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return errors.New("the scheme must be https, or http on loopback")
	case insecure || dial.Loopback(u.Hostname()):
		return nil
	}
	return errors.New("http reaches loopback only; write https")
}
