package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"

	"bff/internal/demo"
	"bff/internal/demo/trouble"
)

// issued are the provider's secrets.
type issued struct {
	mu     sync.Mutex
	values []string
}

func (i *issued) note(_, value string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.values = append(i.values, value)
}

func (i *issued) in(text []byte) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, v := range i.values {
		if v != "" && bytes.Contains(text, []byte(v)) {
			return true
		}
	}
	return false
}

// A trial is a provider, bff, and one browser. The first error ends the scenario: what comes
// after it does nothing.
type trial struct {
	ctx      context.Context
	demo     *demo.Demo
	provider string
	origin   string
	client   *http.Client
	err      error

	mu   sync.Mutex
	seen bytes.Buffer // everything that bff sent to the browser
}

const person = "ada"

func newTrial(ctx context.Context, d *demo.Demo, provider, origin string) *trial {
	jar, _ := cookiejar.New(nil) // never fails
	return &trial{
		ctx:      ctx,
		demo:     d,
		provider: provider,
		origin:   origin,
		client: &http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: 100},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

func (s *trial) received() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.seen.Bytes())
}

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

// outcome is status and code, or where a navigation ended.
func (a *answer) outcome() string {
	text := fmt.Sprint(a.status)
	if code := a.header.Get("BFF-Error"); code != "" {
		text += " " + code
	}
	if u, err := url.Parse(a.header.Get("Location")); err == nil && u.Query().Get("bff_error") != "" {
		text = u.Query().Get("bff_error")
	}
	return text
}

// request makes one request of bff.
func (s *trial) request(method, target string, headers ...string) *answer {
	a := &answer{header: http.Header{}}
	if s.err != nil {
		return a
	}
	if !strings.HasPrefix(target, "http") {
		target = s.origin + target
	}
	r, err := http.NewRequestWithContext(s.ctx, method, target, nil)
	if err != nil {
		s.err = errors.New("an address is no URL")
		return a
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return a // no answer, and no status
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	s.mu.Lock()
	_ = resp.Header.Write(&s.seen)
	s.seen.Write(body)
	s.mu.Unlock()
	a.status, a.header = resp.StatusCode, resp.Header
	_ = json.Unmarshal(body, &a.body) // not everything is JSON
	return a
}

// visit goes somewhere as a person does.
func (s *trial) visit(target, site string) *answer {
	return s.request(
		http.MethodGet,
		target,
		"Sec-Fetch-Site",
		site,
		"Sec-Fetch-Mode",
		"navigate",
		"Sec-Fetch-Dest",
		"document",
		"Sec-Fetch-User",
		"?1",
	)
}

// through goes to the provider and back, until bff sends nowhere else. change may alter the address of the way back.
func (s *trial) through(target string, change func(*url.URL)) *answer {
	a := s.visit(target, "same-origin")
	for range 3 {
		there := a.header.Get("Location")
		if s.err != nil || !strings.HasPrefix(there, s.demo.Issuer+"/") {
			return a
		}
		back, err := s.demo.Approve(there, person)
		if err != nil {
			s.err = err
			return a
		}
		u, err := url.Parse(back)
		if err != nil {
			s.err = errors.New("the way back is no URL")
			return a
		}
		if change != nil {
			change(u)
		}
		a = s.visit(u.String(), "cross-site")
	}
	return a
}

func (s *trial) signIn() {
	a := s.through("/bff/login/"+s.provider, nil)
	if s.err == nil && (a.status != http.StatusSeeOther || s.session() != "signed in") {
		s.err = fmt.Errorf("the sign-in ended with %s, %s", a.outcome(), s.session())
	}
}

// call makes one call of the API.
func (s *trial) call() string {
	return s.request(http.MethodGet, "/api/api/users/me/calendarList").outcome()
}

// callUntil calls until the answer is the wanted one, as long as the scenario may last.
func (s *trial) callUntil(want string) string {
	got := s.call()
	for got != want && s.ctx.Err() == nil && s.err == nil {
		s.wait(200 * time.Millisecond)
		got = s.call()
	}
	return got
}

// session says whether somebody is signed in, and what is wrong with the connection.
func (s *trial) session() string {
	a := s.request(http.MethodGet, "/bff/session")
	if a.body["authenticated"] != true {
		return "signed out"
	}
	text := "signed in"
	connections, _ := a.body["connections"].([]any)
	for _, c := range connections {
		if c, ok := c.(map[string]any); ok && c["status"] != "active" {
			text += fmt.Sprintf(", %v (%v)", c["status"], c["reason"])
		}
	}
	return text
}

// connection is the id of the first one.
func (s *trial) connection() string {
	connections, _ := s.request(http.MethodGet, "/bff/session").body["connections"].([]any)
	for _, c := range connections {
		if c, ok := c.(map[string]any); ok {
			id, _ := c["id"].(string)
			return id
		}
	}
	return ""
}

// mode switches the provider.
func (s *trial) mode(m trouble.Mode) {
	if err := s.demo.Switch(m); err != nil && s.err == nil {
		s.err = err
	}
}

// next switches the provider for its next token call.
func (s *trial) next(m trouble.Mode) {
	if err := s.demo.SwitchNext(m, 1); err != nil && s.err == nil {
		s.err = err
	}
}

func (s *trial) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// until waits for something that happens behind everybody's back.
func (s *trial) until(ok func() bool) bool {
	for s.ctx.Err() == nil {
		if ok() {
			return true
		}
		s.wait(50 * time.Millisecond)
	}
	return false
}
