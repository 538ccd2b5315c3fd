package oauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// rogue is a provider that rotates refresh tokens, ends a grant when one is used twice, and misbehaves on request.
type rogue struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	key      crypto.Signer
	kid      string
	alg      jose.SignatureAlgorithm
	n        int
	family   map[string]int // refresh token -> its grant
	current  map[int]string // grant -> its one live refresh token
	life     int            // expires_in
	rotate   bool
	extra    map[string]any                                                             // of the metadata
	fault    func(w http.ResponseWriter, r *http.Request, form url.Values) bool         // before the token endpoint acts; true: it has answered
	after    func(w http.ResponseWriter, r *http.Request, answer map[string]any)        // instead of writing a success
	revoke   func(w http.ResponseWriter, r *http.Request, form url.Values) (status int) // 0: as usual
	makeID   func(map[string]any) string                                                // makes an ID token of claims instead of signing them
	codes    map[string]map[string]any                                                  // code -> claims of its ID token
	counts   map[string]int
	accepted map[string]int // refresh token -> how often it was taken
	access   map[string]bool
	requests []*http.Request
	forms    []url.Values
}

func newRogue(t testing.TB) *rogue {
	t.Helper()
	g := &rogue{
		t:        t,
		family:   map[string]int{},
		current:  map[int]string{},
		life:     3600,
		rotate:   true,
		codes:    map[string]map[string]any{},
		counts:   map[string]int{},
		accepted: map[string]int{},
		access:   map[string]bool{},
	}
	g.turnKey()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", g.metadata)
	mux.HandleFunc("GET /jwks", g.jwks)
	mux.HandleFunc("POST /token", g.token)
	mux.HandleFunc("POST /revoke", g.revocation)
	mux.HandleFunc("GET /userinfo", g.userinfo)
	mux.HandleFunc("POST /par", g.par)
	g.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		g.CloseClientConnections()
		g.Close()
	})
	return g
}

// turnKey makes a new signing key.
func (g *rogue) turnKey() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		g.t.Fatal(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
	g.key, g.kid, g.alg = key, fmt.Sprintf("k%d", g.n), jose.ES256
}

func (g *rogue) useRSA() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		g.t.Fatal(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
	g.key, g.kid, g.alg = key, fmt.Sprintf("k%d", g.n), jose.RS256
}

func (g *rogue) set(f func(g *rogue)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(g)
}

func (g *rogue) count(what string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.counts[what]
}

// misbehave puts f before the token endpoint; nil takes it away.
func (g *rogue) misbehave(f func(w http.ResponseWriter, r *http.Request, form url.Values) bool) {
	g.set(func(g *rogue) { g.fault = f })
}

func (g *rogue) metadata(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counts["metadata"]++
	m := map[string]any{
		"issuer":                                g.URL,
		"authorization_endpoint":                g.URL + "/authorize",
		"token_endpoint":                        g.URL + "/token",
		"jwks_uri":                              g.URL + "/jwks",
		"userinfo_endpoint":                     g.URL + "/userinfo",
		"revocation_endpoint":                   g.URL + "/revoke",
		"id_token_signing_alg_values_supported": []string{"ES256"},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
	}
	for k, v := range g.extra {
		m[k] = v
	}
	g.json(w, 200, m)
}

func (g *rogue) jwks(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counts["jwks"]++
	g.json(
		w,
		200,
		jose.JSONWebKeySet{
			Keys: []jose.JSONWebKey{{Key: g.key.Public(), KeyID: g.kid, Algorithm: string(g.alg), Use: "sig"}},
		},
	)
}

func (g *rogue) json(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// grant issues a first pair of tokens.
func (g *rogue) grant() (access, refresh string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
	id := g.n
	return g.issue(id)
}

func (g *rogue) issue(id int) (access, refresh string) {
	g.n++
	access, refresh = fmt.Sprintf("at-%d-%d", id, g.n), fmt.Sprintf("rt-%d-%d", id, g.n)
	g.family[refresh], g.current[id], g.access[access] = id, refresh, true
	return access, refresh
}

func (g *rogue) token(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var fields map[string]string
		_ = json.Unmarshal(body, &fields)
		for k, v := range fields {
			form.Set(k, v)
		}
	}
	g.mu.Lock()
	g.counts["token"]++
	g.requests, g.forms = append(g.requests, r), append(g.forms, form)
	fault := g.fault
	g.mu.Unlock()
	if fault != nil && fault(w, r, form) {
		return
	}
	status, answer := g.act(form)
	g.mu.Lock()
	after := g.after
	g.mu.Unlock()
	if status == 200 && after != nil {
		after(w, r, answer)
		return
	}
	g.json(w, status, answer)
}

// act is a token endpoint as it should be.
func (g *rogue) act(form url.Values) (int, map[string]any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if form.Get("grant_type") == "authorization_code" {
		claims, ok := g.codes[form.Get("code")]
		if !ok {
			return 400, map[string]any{"error": "invalid_grant"}
		}
		delete(g.codes, form.Get("code"))
		g.n++
		access, refresh := g.issue(g.n)
		answer := map[string]any{
			"access_token":  access,
			"refresh_token": refresh,
			"token_type":    "Bearer",
			"expires_in":    g.life,
		}
		if claims["at_hash"] == "right" {
			sum := sha256.Sum256([]byte(access))
			claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:16])
		}
		if g.makeID != nil {
			g.mu.Unlock() // it may sign
			answer["id_token"] = g.makeID(claims)
			g.mu.Lock()
		} else if claims != nil {
			answer["id_token"] = g.signLocked(claims, "JWT")
		}
		return 200, answer
	}
	sent := form.Get("refresh_token")
	id, known := g.family[sent]
	live := known && g.current[id] != ""
	if live && g.current[id] != sent { // used before: the whole grant ends
		g.counts["reuse"]++
		g.current[id] = ""
		live = false
	}
	if !live {
		g.counts["refused"]++
		return 400, map[string]any{"error": "invalid_grant"}
	}
	g.counts["refreshes"]++
	g.accepted[sent]++
	access, refresh := g.issue(id)
	answer := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": g.life}
	if g.rotate {
		answer["refresh_token"] = refresh
	} else {
		delete(g.family, refresh)
		g.current[id] = sent
	}
	return 200, answer
}

// end ends a grant, as its owner would on the provider's page.
func (g *rogue) end(refresh string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.current[g.family[refresh]] = ""
}

// alive says whether a refresh token would be taken.
func (g *rogue) alive(refresh string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	id, ok := g.family[refresh]
	return ok && g.current[id] == refresh
}

func (g *rogue) revocation(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	g.mu.Lock()
	g.counts["revoke"]++
	g.requests, g.forms = append(g.requests, r), append(g.forms, r.PostForm)
	f := g.revoke
	g.mu.Unlock()
	if f != nil {
		if status := f(w, r, r.PostForm); status != 0 {
			if status != answered {
				w.WriteHeader(status)
			}
			return
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if id, ok := g.family[r.PostForm.Get("token")]; ok && g.current[id] == r.PostForm.Get("token") {
		g.current[id] = ""
		g.counts["revoked"]++
	}
}

// answered is what a revoke gives that wrote its answer itself.
const answered = -1

func (g *rogue) userinfo(w http.ResponseWriter, r *http.Request) {
	g.json(w, 200, map[string]any{"sub": "1", "name": "Ada", "email": "ada@example.com", "email_verified": true})
}

func (g *rogue) sign(claims map[string]any, typ string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.signLocked(claims, typ)
}

func (g *rogue) signLocked(claims map[string]any, typ string) string {
	opts := (&jose.SignerOptions{}).WithHeader("kid", g.kid)
	if typ != "" {
		opts = opts.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: g.alg, Key: g.key}, opts)
	if err != nil {
		g.t.Fatal(err)
	}
	out, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		g.t.Fatal(err)
	}
	return out
}

// unsigned is a token of alg "none".
func unsigned(claims map[string]any) string {
	b, _ := json.Marshal(claims)
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + enc(b) + "."
}

// idClaims are those of a good ID token.
func (g *rogue) idClaims(nonce string, change ...func(map[string]any)) map[string]any {
	now := time.Now()
	c := map[string]any{
		"iss":            g.URL,
		"sub":            "1",
		"aud":            "client",
		"exp":            now.Add(time.Hour).Unix(),
		"iat":            now.Unix(),
		"nonce":          nonce,
		"name":           "Ada",
		"email":          "ada@example.com",
		"email_verified": true,
	}
	for _, f := range change {
		f(c)
	}
	return c
}

// last is the newest request to an endpoint that authenticates clients.
func (g *rogue) last() (*http.Request, url.Values) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.requests[len(g.requests)-1], g.forms[len(g.forms)-1]
}

func (g *rogue) par(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests, g.forms = append(g.requests, r), append(g.forms, r.PostForm)
	if g.counts["par refused"] != 0 {
		g.json(w, 400, map[string]any{"error": "invalid_request"})
		return
	}
	g.json(w, 201, map[string]any{"request_uri": "urn:par:1", "expires_in": 60})
}
