package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// OIDCOptions is what a test may want of its provider. The zero value rotates refresh tokens and detects their reuse.
type OIDCOptions struct {
	AccessToken   time.Duration // lifetime in whole seconds; an hour when zero
	RefreshToken  time.Duration // a day when zero
	NoRotation    bool          // a refresh token stays the same
	StrictOffline bool          // refresh tokens only for offline_access, which needs prompt=consent
	BareIDToken   bool          // name and email only from the userinfo endpoint, as the specification prefers
	PAR           bool          // pushed authorization requests are offered
	RequirePAR    bool          // and demanded
	Alg           string        // of ID tokens: RS256 (default) or ES256
	AuthMethod    string        // client_secret_basic (default) or client_secret_post
	Scopes        []string      // further scopes it knows
}

// An OIDCProvider is a running oidc-provider. It signs people in without forms: as login_hint says, else as ada, or
// as whom [OIDCProvider.As] chose. A browser that it remembers is not asked again.
type OIDCProvider struct {
	Issuer       string // http://localhost:PORT: another site than bff's 127.0.0.1, so that SameSite is real
	ClientID     string
	ClientSecret string

	p    *process
	http *http.Client
}

// OIDCCounts is what the provider saw.
type OIDCCounts struct {
	Token       int `json:"token"`       // requests at the token endpoint
	Codes       int `json:"codes"`       // codes redeemed
	Refreshes   int `json:"refreshes"`   // requests with grant_type=refresh_token
	Rotations   int `json:"rotations"`   // refresh tokens used up
	Reuse       int `json:"reuse"`       // spent ones presented again
	Refused     int `json:"refused"`     // token requests the library answered with an error
	Revocations int `json:"revocations"` // requests at the revocation endpoint
	Parked      int `json:"parked"`      // token requests held back by Park or ParkAfter so far

	Answered int64 `json:"answered"` // when the last token answer left, in milliseconds since 1970
}

// Trouble is what goes wrong at the token endpoint. Only refreshes are touched unless Codes is set.
type Trouble struct {
	Times     *int              `json:"times,omitempty"` // how often; for ever when nil
	Codes     bool              `json:"codes,omitempty"`
	Status    int               `json:"status,omitempty"` // answers this instead of acting
	Body      string            `json:"body,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
	BeforeMS  int               `json:"before_ms,omitempty"` // waits, then acts
	AfterMS   int               `json:"after_ms,omitempty"`  // acts, waits, then answers
	Hang      bool              `json:"hang,omitempty"`      // never answers, never acts
	Reset     bool              `json:"reset,omitempty"`     // breaks the connection without acting
	Drop      bool              `json:"drop,omitempty"`      // acts, then breaks the connection: the answer is lost
	Park      bool              `json:"park,omitempty"`      // waits for Release, then acts
	ParkAfter bool              `json:"park_after,omitempty"`
}

// OIDC starts a provider.
func OIDC(tb testing.TB, o OIDCOptions) *OIDCProvider {
	tb.Helper()
	dir := filepath.Join(Root(tb), "internal", "testenv", "node")
	InstallNode(tb, dir)
	op := &OIDCProvider{ClientID: "bff", ClientSecret: Random(tb), http: &http.Client{Timeout: 30 * time.Second}}
	config, err := json.Marshal(map[string]any{
		"client_id": op.ClientID, "client_secret": op.ClientSecret, "port": FreePort(tb), "alg": orNil(o.Alg), "auth_method": orNil(o.AuthMethod),
		"access_token_seconds": orNil(
			int(o.AccessToken.Seconds()),
		), "refresh_token_seconds": orNil(int(o.RefreshToken.Seconds())),
		"rotate": !o.NoRotation, "strict_offline": o.StrictOffline, "bare_id_token": o.BareIDToken, "par": o.PAR || o.RequirePAR,
		"require_par": o.RequirePAR, "scopes": o.Scopes,
	})
	if err != nil {
		tb.Fatal(err)
	}
	op.p = launch(tb, dir, []string{"NODE_NO_WARNINGS=1"}, "node", "op.mjs", string(config))
	op.p.waitFor("says where it listens", func() bool {
		for line := range strings.Lines(op.p.out.String()) {
			var hello struct{ Issuer string }
			if json.Unmarshal([]byte(line), &hello) == nil && hello.Issuer != "" {
				op.Issuer = hello.Issuer
				return true
			}
		}
		return false
	})
	return op
}

func orNil[T comparable](v T) any {
	if v == *new(T) {
		return nil
	}
	return v
}

// InstallNode brings the packages of a package-lock.json, once for all test binaries.
func InstallNode(tb testing.TB, dir string) {
	tb.Helper()
	release, err := lock(dir)
	if err != nil {
		tb.Fatal(err)
	}
	defer release()
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err == nil {
		return
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("npm ci in %s: %v\n%s", dir, err, out)
	}
}

// Register tells the provider where bff is: bff's provider is called name, browsers reach it at origin.
func (op *OIDCProvider) Register(name, origin string) {
	op.control("register", map[string]any{
		"redirect_uris":                       []string{origin + "/bff/callback/" + name},
		"post_logout_redirect_uris":           []string{origin + "/", origin},
		"backchannel_logout_uri":              origin + "/bff/backchannel-logout/" + name,
		"backchannel_logout_session_required": true,
	}, nil)
}

// As chooses who signs in from now on, whatever login_hint says; "" gives the choice back to login_hint. The email is
// <account>@example.com.
func (op *OIDCProvider) As(account string) {
	op.control("state", map[string]any{"account": account}, nil)
}

// Roles are what the claim `roles` of everybody says from now on, in each ID token; nil: there is no such claim.
func (op *OIDCProvider) Roles(roles ...string) {
	op.control("state", map[string]any{"roles": roles}, nil)
}

// AccessTokenLifetime is for access tokens issued from now on.
func (op *OIDCProvider) AccessTokenLifetime(d time.Duration) {
	op.control("state", map[string]any{"access_token_seconds": int(d.Seconds())}, nil)
}

// Deny makes the person say no. RefuseScopes makes them untick some scopes.
func (op *OIDCProvider) Deny(yes bool) { op.control("state", map[string]any{"deny": yes}, nil) }
func (op *OIDCProvider) RefuseScopes(scopes ...string) {
	op.control("state", map[string]any{"refuse_scopes": append([]string{}, scopes...)}, nil)
}

// Trouble makes the token endpoint misbehave until Heal.
func (op *OIDCProvider) Trouble(t Trouble) { op.control("state", map[string]any{"token": t}, nil) }

// Heal ends every trouble, Down included.
func (op *OIDCProvider) Heal() { op.control("state", map[string]any{"token": nil, "down": false}, nil) }

// Down makes every endpoint answer 503.
func (op *OIDCProvider) Down() { op.control("state", map[string]any{"down": true}, nil) }

// Refuse makes it listen to nobody for a while: connections are refused.
func (op *OIDCProvider) Refuse(d time.Duration) {
	op.control("refuse", map[string]any{"ms": d.Milliseconds()}, nil)
}

// Release lets the requests that Park and ParkAfter hold back go on.
func (op *OIDCProvider) Release() { op.control("release", nil, nil) }

// Revoke ends every grant of an account, "" of all, as a person does on the provider's own page.
func (op *OIDCProvider) Revoke(account string) {
	op.control("revoke", map[string]any{"account": account}, nil)
}

// ExpireAccessTokens ends all access tokens before their time, which their holder cannot know.
func (op *OIDCProvider) ExpireAccessTokens() { op.control("expire", nil, nil) }

// Logout ends an account's sessions at the provider and says so over the back channel. It returns the statuses bff
// answered.
func (op *OIDCProvider) Logout(account string) []int {
	var out struct{ Sent []struct{ Status int } }
	op.control("logout", map[string]any{"account": account}, &out)
	var statuses []int
	for _, s := range out.Sent {
		statuses = append(statuses, s.Status)
	}
	return statuses
}

// Counts is what the provider saw so far.
func (op *OIDCProvider) Counts() OIDCCounts {
	var c OIDCCounts
	op.control("counts", nil, &c)
	return c
}

// Secrets is every credential that passed the token endpoint: codes, verifiers, access, refresh and ID tokens, the
// client secret.
func (op *OIDCProvider) Secrets() []string {
	var all []string
	op.control("secrets", nil, &all)
	return append(all, op.ClientSecret)
}

// Check says whose access token this is, and with which scopes; false when it is not a good one.
func (op *OIDCProvider) Check(token string) (subject, scope string, ok bool) {
	var out struct {
		Active     bool
		Sub, Scope string
	}
	op.control("check", map[string]any{"token": token}, &out)
	return out.Sub, out.Scope, out.Active
}

// Kill, Pause and Resume do to the process what their names say.
func (op *OIDCProvider) Kill()   { op.p.kill() }
func (op *OIDCProvider) Pause()  { op.p.signal(sigstop) }
func (op *OIDCProvider) Resume() { op.p.signal(sigcont) }

// Log is what it printed.
func (op *OIDCProvider) Log() string { return op.p.out.String() }

func (op *OIDCProvider) control(what string, in, out any) {
	tb := op.p.tb
	tb.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		tb.Fatal(err)
	}
	if in == nil {
		body = []byte("{}")
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, op.Issuer+"/control/"+what, bytes.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header["Idempotency-Key"] = nil // net/http sends it again where the server was just closing its connection
	resp, err := op.http.Do(r)
	if err != nil {
		tb.Errorf("the provider's control endpoint, %s: %v\n%s", what, err, op.p.out)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		tb.Errorf("the provider's control endpoint, %s: %s\n%s", what, resp.Status, op.p.out)
		return
	}
	if out != nil {
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
			tb.Errorf("the provider's control endpoint, %s: %v", what, err)
		}
	}
}

// YAML is the provider's entry in bff's configuration, below `providers:`. more is further fields of it, `keep: user`.
func (op *OIDCProvider) YAML(name string, more ...string) string {
	lines := []string{"issuer: " + op.Issuer, "client_id: " + op.ClientID, "client_secret: env:OP_SECRET"}
	return fmt.Sprintf("  %s:\n    %s\n", name, strings.Join(append(lines, more...), "\n    "))
}

// Env is what the entry of YAML needs in bff's environment.
func (op *OIDCProvider) Env() string { return "OP_SECRET=" + op.ClientSecret }
