package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxAnswer      = 64 << 10 // bytes of any provider's answer
	maxRetryAfter  = 5 * time.Minute
	connectTimeout = 5 * time.Second
)

var errTooLarge = errors.New("the answer is too large")

// newClient makes the one client for providers. It follows no redirect (a 307 would carry the client secret elsewhere) and reads no more than maxAnswer.
func newClient(now func() time.Time) *http.Client {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &http.Client{
		Transport:     &straightener{next: t, now: now},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// An answer is what a token endpoint said, beyond what x/oauth2 keeps of it.
type answer struct {
	p       *provider
	m       *metadata
	params  map[string]string // of the request, beyond the standard's
	address string            // of the request, when it does not go to the token endpoint

	sent       atomic.Bool // the request left, so a refresh token may be spent
	received   time.Time
	status     int
	code       string         // error
	subtype    string         // error_subtype (Google)
	fields     map[string]any // all of it
	retryAfter time.Duration
}

type answerKey struct{}

// straightener bounds every answer. A token request it shapes as the provider wants it, and the answer it turns into what x/oauth2 can read: a number of
// seconds in any spelling, JSON under any type, scopes in any shape, tokens inside an object, an error that is an object.
type straightener struct {
	next http.RoundTripper
	now  func() time.Time
}

func (s *straightener) RoundTrip(r *http.Request) (*http.Response, error) {
	a, _ := r.Context().Value(answerKey{}).(*answer)
	if a != nil {
		shaped, err := a.shape(r)
		if err != nil {
			return nil, err
		}
		r = shaped
	}
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close()
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxAnswer:
		return nil, errTooLarge
	}
	if a != nil {
		a.received, a.status = s.now(), resp.StatusCode
		a.retryAfter = retryAfter(resp.Header, a.received)
		if straight, ok := a.straighten(body); ok {
			body = straight
			resp.Header.Set("Content-Type", "application/json")
		} else {
			resp.Header.Set("Content-Type", "application/octet-stream") // which x/oauth2 takes for JSON: it must not find tokens where we found none
		}
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// straighten reads a JSON or form token answer and writes it as plain JSON. ok is false when it is neither.
func (a *answer) straighten(body []byte) ([]byte, bool) {
	fields, ok := readAnswer(body)
	if !ok {
		return nil, false
	}
	a.fields = fields
	fields = maps.Clone(fields)
	if inner, ok := at(fields, a.p.Token.Path).(map[string]any); ok {
		for _, k := range [...]string{"access_token", "refresh_token", "expires_in", "scope"} {
			delete(fields, k) // what stands beside it is another's: a bot's
		}
		maps.Copy(fields, inner)
	}
	if name := a.p.Token.ErrorField; name != "" && a.status >= 400 {
		fields["error"] = fields[name]
	}
	a.straightenTimes(fields)
	fields["scope"] = words(fields["scope"])
	for _, k := range [...]string{"access_token", "refresh_token", "id_token", "token_type", "error_subtype", "error_description", "error_uri"} {
		if _, ok := fields[k].(string); !ok {
			delete(fields, k)
		}
	}
	switch e := fields["error"].(type) {
	case nil:
		delete(fields, "error")
	case string:
		a.code = e
	default:
		a.code, fields["error"] = "object", "object"
	}
	if a.code == "" && fields["ok"] == false { // Slack says so, with 200
		a.code, fields["error"] = "object", "object"
	}
	a.subtype, _ = fields["error_subtype"].(string)
	out, err := json.Marshal(fields)
	return out, err == nil
}

func readAnswer(body []byte) (map[string]any, bool) {
	fields := map[string]any{}
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) > 0 && trimmed[0] == '{' {
		d := json.NewDecoder(bytes.NewReader(trimmed))
		d.UseNumber()
		return fields, d.Decode(&fields) == nil
	}
	form, err := url.ParseQuery(string(trimmed))
	if err != nil || !form.Has("access_token") && !form.Has("error") {
		return nil, false
	}
	for k := range form {
		fields[k] = form.Get(k)
	}
	return fields, true
}

// straightenTimes leaves lifetimes as whole seconds, or not at all.
func (a *answer) straightenTimes(fields map[string]any) {
	if at, ok := seconds(fields["expires_at"]); ok && fields["expires_in"] == nil && at > 0 {
		fields["expires_in"] = at - float64(a.received.Unix())
	}
	if fields["expires_in"] == nil && a.p.Token.Lifetime > 0 {
		fields["expires_in"] = a.p.Token.Lifetime.Seconds()
	}
	for _, k := range [...]string{"expires_in", "refresh_token_expires_in"} {
		if n, ok := seconds(fields[k]); ok {
			fields[k] = int64(min(max(n, 0), math.MaxInt32))
		} else {
			delete(fields, k)
		}
	}
}

func seconds(v any) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(fmt.Sprint(v)), 64)
	return f, err == nil && v != nil && !math.IsNaN(f)
}

func words(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var out []string
		for _, w := range v {
			if s, ok := w.(string); ok {
				out = append(out, s)
			}
		}
		return strings.Join(out, " ")
	}
	return ""
}

// retryAfter reads Retry-After (RFC 9110 section 10.2.3), bounded.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	d := time.Duration(0)
	if n, err := strconv.Atoi(v); err == nil {
		d = time.Duration(min(n, int(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// A verdict is what a token endpoint's answer means. It is reached once, here, from the parsed answer; never from a text.
type verdict int

const (
	granted       verdict = iota
	deadGrant             // the grant is dead: definite
	misconfigured         // the provider refuses bff itself
	unspent               // transient, and the refresh token was not used
	unclear               // transient, and the refresh token may have been used: the answer is lost
)

// String is what metrics call it.
func (v verdict) String() string {
	return [...]string{granted: "refreshed", deadGrant: "dead", misconfigured: "refused", unspent: "unavailable", unclear: "lost"}[v]
}

// Outcomes are what OnRefresh may be told.
func Outcomes() (all []string) {
	for v := granted; v <= unclear; v++ {
		all = append(all, v.String())
	}
	return all
}

func (a *answer) verdict(err error) verdict {
	switch {
	case err == nil:
		return granted
	case a.status == 0 && !a.sent.Load():
		return unspent
	case a.status == 0, a.status >= 500:
		return unclear // broken off after it had left; and a gateway's 504 says nothing about what happened behind it
	case a.status == http.StatusTooManyRequests:
		return unspent
	case a.dead() != "":
		return deadGrant
	}
	switch a.code {
	case "temporarily_unavailable", "server_error", "slow_down", "rate_limited", "ratelimited", "rate_limit_exceeded":
		return unspent
	case "", "object":
		return unclear // no OAuth answer at all: a success that cannot be read, a redirect, somebody's error page
	}
	return misconfigured
}

// dead is why the grant is dead, if the answer says that it is.
func (a *answer) dead() string {
	switch reason := a.p.Token.GrantErrors[a.code]; {
	case reason != "":
		return reason
	case a.code != "invalid_grant":
		return ""
	case a.subtype == "invalid_rapt":
		return ReasonSessionPolicy
	}
	return ReasonRevoked
}

// ask makes a token request and notes what x/oauth2 would forget of the answer.
func (p *provider) ask(ctx context.Context, m *metadata, a *answer, request func(context.Context) error) (*answer, error) {
	a.p, a.m = p, m
	ctx = withClient(context.WithValue(ctx, answerKey{}, a), p.client)
	return a, request(ctx)
}
