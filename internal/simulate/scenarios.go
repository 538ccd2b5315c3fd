package simulate

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"bff/internal/demo/trouble"
	"bff/internal/oauth/providers"
)

// A scenario is something that happens between a person, bff and a provider. It went well when what happened is what was expected, to the letter.
type scenario struct {
	name, expected string
	run            func(*trial) string
	short          bool // access tokens live for seconds
}

func (s scenario) lifetime() time.Duration {
	if s.short {
		return 2 * time.Second
	}
	return 10 * time.Minute
}

const rush = 50 // calls at once

// scenarios are those for a provider.
func scenarios(p providers.Config) []scenario {
	all := append(signIns(p), refreshes(p)...)
	return append(all, outages()...)
}

func signIns(p providers.Config) []scenario {
	altered := func(change func(url.Values)) func(*trial) string {
		return func(s *trial) string {
			a := s.through("/bff/login/"+s.provider, func(u *url.URL) {
				q := u.Query()
				change(q)
				u.RawQuery = q.Encode()
			})
			return a.outcome() + ", " + s.session()
		}
	}
	unlinked := "204, then 403 not_connected, revoked at the provider"
	if p.Issuer == "" && p.Revocation.URL == "" {
		unlinked = "204, then 403 not_connected"
	}
	return []scenario{
		{name: "a person signs in and an API is called", expected: "signed in, 200", run: func(s *trial) string {
			s.signIn()
			return s.session() + ", " + s.call()
		}},
		{name: "they sign in again, and no new refresh token is needed", expected: "signed in, 200", run: func(s *trial) string {
			s.signIn()
			s.signIn()
			s.demo.ExpireAll()
			return s.session() + ", " + s.call()
		}},
		{name: "they say no", expected: "access_denied, signed out", run: altered(func(q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
		})},
		{name: "the way back has another state", expected: "login_expired, signed out",
			run: altered(func(q url.Values) { q.Set("state", strings.Repeat("A", 43)) })},
		{name: "the way back is another issuer's", expected: "login_failed, signed out",
			run: altered(func(q url.Values) { q.Set("iss", "https://elsewhere.example") })},
		{name: "the code is nobody's", expected: "login_failed, signed out",
			run: altered(func(q url.Values) { q.Set("code", "nobody") })},
		{name: "the way back is taken twice", expected: "303, signed in", run: func(s *trial) string {
			var back string
			s.through("/bff/login/"+s.provider, func(u *url.URL) { back = u.String() })
			return s.visit(back, "cross-site").outcome() + ", " + s.session()
		}},
		{name: "they sign out", expected: "200, then 401 not_signed_in", run: func(s *trial) string {
			s.signIn()
			return s.request(http.MethodPost, "/bff/logout").outcome() + ", then " + s.call()
		}},
		{name: "they unlink the account", expected: unlinked, run: func(s *trial) string {
			s.signIn()
			text := s.request(http.MethodDelete, "/bff/connections/"+s.connection()).outcome() + ", then " + s.call()
			if strings.HasSuffix(unlinked, "provider") && s.until(func() bool { return s.demo.Counts().Revocations > 0 }) {
				text += ", revoked at the provider"
			}
			return text
		}},
	}
}

func refreshes(p providers.Config) []scenario {
	lost := "503 provider_unavailable, then 200, signed in"
	if p.Token.Rotates != "never" && p.Token.ReuseLeeway == 0 {
		lost = "503 provider_unavailable, then 403 needs_reauth, signed in, needs_reauth (rotated_away)"
	}
	return []scenario{
		{name: "the access token's time is up", expected: "200, refreshed", short: true, run: func(s *trial) string {
			s.signIn()
			s.wait(2500 * time.Millisecond)
			text := s.call()
			if s.demo.Counts().Refreshes > 0 {
				text += ", refreshed"
			}
			return text
		}},
		{name: "the API refuses the access token early", expected: "200, 1 refresh", run: func(s *trial) string {
			s.signIn()
			s.demo.ExpireAll()
			return fmt.Sprintf("%s, %d refresh", s.call(), s.demo.Counts().Refreshes)
		}},
		{name: "many calls at once meet a dead access token", expected: fmt.Sprintf("%d of %d answered 200, 1 refresh", rush, rush), run: func(s *trial) string {
			s.signIn()
			s.demo.ExpireAll()
			return fmt.Sprintf("%d of %d answered 200, %d refresh", s.atOnce(rush), rush, s.demo.Counts().Refreshes)
		}},
		{name: "three refreshes follow one another", expected: "3 of 3 answered 200, 3 refreshes", run: func(s *trial) string {
			s.signIn()
			fine := 0
			for range 3 {
				s.demo.ExpireAll()
				if s.call() == "200" {
					fine++
				}
			}
			return fmt.Sprintf("%d of 3 answered 200, %d refreshes", fine, s.demo.Counts().Refreshes)
		}},
		{name: "the answer to a refresh gets lost", expected: lost, run: func(s *trial) string {
			s.signIn()
			s.demo.ExpireAll()
			s.next(trouble.LoseAnswer)
			first := s.call()
			return first + ", then " + s.callUntil(lastCall(lost)) + ", " + s.session()
		}},
		{name: "access is revoked at the provider", expected: "403 needs_reauth, signed in, needs_reauth (revoked), 200 " +
			"after linking again", run: func(s *trial) string {
			s.signIn()
			s.demo.RevokeAll()
			text := s.call() + ", " + s.session()
			s.through("/bff/connect/"+s.provider+"?connection="+s.connection(), nil)
			return text + ", " + s.call() + " after linking again"
		}},
		{name: "the organisation wants a new sign-in", expected: "403 needs_reauth, signed in, needs_reauth " +
			"(session_policy)", run: func(s *trial) string {
			s.signIn()
			s.demo.ExpireAll()
			s.next(trouble.InvalidRapt)
			return s.call() + ", " + s.session()
		}},
	}
}

// lastCall is what an expectation says of the second call.
func lastCall(expected string) string {
	_, rest, _ := strings.Cut(expected, "then ")
	call, _, _ := strings.Cut(rest, ",")
	return call
}

func outages() []scenario {
	back := func(m trouble.Mode, expected string) scenario {
		return scenario{expected: expected + ", signed in, 200 when it is back", run: func(s *trial) string {
			s.signIn()
			s.demo.ExpireAll()
			s.mode(m)
			text := s.call() + ", " + s.session()
			s.mode(trouble.Up)
			return text + ", " + s.callUntil("200") + " when it is back"
		}}
	}
	named := func(name string, s scenario) scenario {
		s.name = name
		return s
	}
	return []scenario{
		{name: "the provider is down while the access token lives", expected: "200", run: func(s *trial) string {
			s.signIn()
			s.mode(trouble.Down)
			return s.call()
		}},
		{name: "the provider is slow", expected: "200", run: func(s *trial) string {
			s.signIn()
			s.demo.ExpireAll()
			s.mode(trouble.Slow)
			return s.call()
		}},
		named("the provider is down when a refresh is needed", back(trouble.Down, "503 provider_unavailable")),
		named("nobody listens at the provider's port", back(trouble.Refuse, "503 provider_unavailable")),
		named("the provider answers with a page of a captive portal", back(trouble.Garbage, "503 provider_unavailable")),
		named("the provider's answer never ends", back(trouble.Huge, "503 provider_unavailable")),
		named("the provider limits the rate", back(trouble.RateLimit, "503 provider_unavailable")),
		named("the provider refuses bff itself", back(trouble.RefuseClient, "500 provider_misconfigured")),
		{name: "the provider is down at a sign-in", expected: "provider_unavailable, signed out", run: func(s *trial) string {
			a := s.through("/bff/login/"+s.provider, func(*url.URL) { s.mode(trouble.Down) })
			return a.outcome() + ", " + s.session()
		}},
	}
}

// atOnce makes n calls at the same time and counts those that went well.
func (s *trial) atOnce(n int) int {
	var mu sync.Mutex
	var work sync.WaitGroup
	fine := 0
	for range n {
		work.Go(func() {
			if s.call() == "200" {
				mu.Lock()
				fine++
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return fine
}
