package standin

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"bff/internal/oauth/providers"
)

// The client that is registered at every stand-in. Its secret has characters that must be encoded.
const (
	ClientID     = "simulated-client"
	ClientSecret = "simulated secret+/%:1"
	ExtraScope   = "simulated.extra" // a scope that every stand-in knows beside those of its file
	APIHost      = "api.simulated.example"
)

// Config says what is played.
type Config struct {
	File      providers.Config // of the provider, as it is there
	Answers   *Answers         // recorded of the real one, or nil
	Redirect  string           // the client's redirect URI
	Key       *rsa.PrivateKey  // signs its tokens
	ClientKey crypto.PublicKey // of private_key_jwt
	Life      time.Duration    // of an access token
	Now       func() time.Time // time.Now when nil
}

// An Endpoint is one address of the provider, or the API behind it.
type Endpoint string

// The endpoints.
const (
	Authorization Endpoint = "authorization"
	Token         Endpoint = "token"
	Refresh       Endpoint = "refresh" // the token endpoint too, mostly
	Userinfo      Endpoint = "userinfo"
	Revocation    Endpoint = "revocation"
	EndSession    Endpoint = "end session"
	Discovery     Endpoint = "discovery"
	Keys          Endpoint = "keys"
	RISC          Endpoint = "security events"
	API           Endpoint = "api"
	LongLived     Endpoint = "long-lived token"
)

// A StandIn is a provider in a trial. Safe for concurrent use.
type StandIn struct {
	cfg  Config
	file *providers.Config // cfg.File
	urls map[Endpoint]string

	mu       sync.Mutex
	codes    map[string]*code
	short    map[string]*grant // by tokens that are only good for being exchanged
	grants   []*grant
	asked    map[string]url.Values // the last authorization request of each kind
	kid      string
	troubles []*Trouble
	refusals []string
	issued   []string // every secret that was made
	counts   map[Endpoint]int
	renewed  int
	revoked  int
	consents map[string]bool // people who consented before
}

// New returns a stand-in.
func New(cfg Config) *StandIn {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &StandIn{cfg: cfg, file: &cfg.File, kid: "key-1", codes: map[string]*code{}, short: map[string]*grant{}, asked: map[string]url.Values{},
		counts: map[Endpoint]int{}, consents: map[string]bool{}}
	s.recordedAddress()
	f := s.file
	s.urls = map[Endpoint]string{Authorization: f.Authorization.URL, Token: f.Token.URL, Refresh: f.Token.RefreshURL,
		Userinfo: f.Userinfo.URL, Revocation: f.Revocation.URL, EndSession: f.EndSessionURL, Keys: f.JWKSURL, RISC: f.RISCURL,
		LongLived: f.Shapes.LongLivedURL}
	if f.Issuer != "" {
		base := strings.TrimSuffix(f.Issuer, "/")
		s.urls[Discovery] = base + "/.well-known/openid-configuration"
		read := f.Authorization.URL == "" || f.Token.URL == "" || f.JWKSURL == "" // else nobody reads the metadata
		for _, e := range []Endpoint{Authorization, Token, Userinfo, Revocation, EndSession, Keys} {
			if s.urls[e] == "" && read {
				s.urls[e] = base + "/simulated/" + strings.ReplaceAll(string(e), " ", "-")
			}
		}
	}
	maps.DeleteFunc(s.urls, func(_ Endpoint, u string) bool { return u == "" })
	s.issued = append(s.issued, ClientSecret)
	return s
}

// ServeHTTP answers for the provider and for the API behind it. Serves says whether a request is for it.
func (s *StandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	in := readRequest(r)
	e, known := s.endpoint(r, in)
	if own := s.file.Shapes.UserAgent; known && own != "" && e != API && r.UserAgent() != own {
		s.refuse(w, "the User-Agent is not "+own, http.StatusForbidden)
		return
	}
	if !known {
		s.refuse(w, "nothing is at "+r.Method+" "+r.Host+r.URL.Path, http.StatusNotFound)
		return
	}
	s.mu.Lock()
	s.counts[e]++
	t := s.troubleFor(e, s.ownerOf(in))
	s.mu.Unlock()
	t.play(w, r, func(w http.ResponseWriter) { s.serve(w, r, e, in, t) })
}

func (s *StandIn) serve(w http.ResponseWriter, r *http.Request, e Endpoint, in request, t *Trouble) {
	switch e {
	case Token, Refresh:
		s.serveToken(w, e, in, t)
	case LongLived:
		s.serveLongLived(w, in, t)
	case Userinfo:
		s.serveUserinfo(w, r, in)
	case Revocation:
		s.serveRevocation(w, r, in)
	case Discovery:
		writeJSON(w, http.StatusOK, s.metadata())
	case Keys:
		s.serveKeys(w)
	case RISC:
		writeJSON(w, http.StatusOK, map[string]any{"issuer": s.file.Issuer, "jwks_uri": s.urls[Keys]})
	case API:
		s.serveAPI(w, in)
	default:
		s.refuse(w, "a server asks for the "+string(e)+" page", http.StatusMethodNotAllowed)
	}
}

// endpoint says what a request is for.
func (s *StandIn) endpoint(r *http.Request, in request) (Endpoint, bool) {
	if r.Host == APIHost {
		return API, true
	}
	renewal := s.isRenewal(in)
	for _, e := range []Endpoint{Refresh, LongLived, Token, Userinfo, Revocation, Discovery, Keys, RISC, EndSession, Authorization} {
		if !s.matches(s.urls[e], r.Host, r.URL) {
			continue
		}
		switch {
		case e == Refresh && !renewal: // where both are one address
			continue
		case e == LongLived && !s.isShort(in): // it may be the token endpoint's own address
			continue
		case e == Token && renewal && s.urls[Refresh] == "":
			return Refresh, true
		case (e == Token || e == Userinfo) && s.urls[e] == s.urls[Revocation] && !in.grants():
			continue
		}
		return e, true
	}
	return "", false
}

// matches compares an address with a request: host, path, and the parameters that the address has itself.
func (s *StandIn) matches(address, host string, to *url.URL) bool {
	if address == "" {
		return false
	}
	address = strings.ReplaceAll(address, "{client_id}", ClientID)
	if before, after, ok := strings.Cut(address, "{subject}"); ok { // of somebody
		path := schemeOf(address) + host + to.EscapedPath()
		id, found := strings.CutSuffix(strings.TrimPrefix(path, before), after)
		return strings.HasPrefix(path, before) && found && s.known(unescape(id))
	}
	before, after, wild := strings.Cut(address, "{token}")
	if wild {
		full := schemeOf(address) + host + to.EscapedPath()
		if to.RawQuery != "" {
			full += "?" + to.RawQuery
		}
		return strings.HasPrefix(full, before) && strings.HasSuffix(full, after)
	}
	u, err := url.Parse(before)
	if err != nil || !strings.EqualFold(u.Host, host) || cleanPath(u) != cleanPath(to) {
		return false
	}
	sent := to.Query()
	for name, values := range u.Query() {
		if !slices.Equal(sent[name], values) {
			return false
		}
	}
	return true
}

// schemeOf is what an address begins with: plain http is for this machine.
func schemeOf(address string) string {
	if strings.HasPrefix(address, "http://") {
		return "http://"
	}
	return "https://"
}

func cleanPath(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

// refuse answers with a plain error and notes why.
func (s *StandIn) refuse(w http.ResponseWriter, why string, status int) {
	s.note(why)
	writeJSON(w, status, map[string]any{"error": "refused", "error_description": why})
}

func (s *StandIn) note(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = append(s.refusals, why)
}

// Refusals are what the stand-in did not take, and why, in order.
func (s *StandIn) Refusals() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refusals)
}

// Secrets are every credential that was made.
func (s *StandIn) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.issued)
}

// Calls counts the requests to an endpoint, Renewals the refreshes that were granted, and Revocations what was revoked.
func (s *StandIn) Calls(e Endpoint) int { return s.count(func() int { return s.counts[e] }) }

// Renewals counts the refreshes that were granted.
func (s *StandIn) Renewals() int { return s.count(func() int { return s.renewed }) }

// Revocations counts the grants that were revoked.
func (s *StandIn) Revocations() int { return s.count(func() int { return s.revoked }) }

func (s *StandIn) count(of func() int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return of()
}

// Has says whether there is such an endpoint.
func (s *StandIn) Has(e Endpoint) bool { return s.urls[e] != "" }

// Asked is the last authorization request of a kind.
func (s *StandIn) Asked(kind string) url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[kind]
}

// ExpireAll ends every access token.
func (s *StandIn) ExpireAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.grants {
		clear(g.access)
	}
}

// RevokeAll ends every grant, as somebody does on the provider's own pages.
func (s *StandIn) RevokeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.grants {
		g.end()
	}
}

// Rotate replaces the key that signs tokens.
func (s *StandIn) Rotate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kid = fmt.Sprintf("key-%d", len(s.kid))
}
