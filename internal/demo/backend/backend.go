package backend

import (
	"bff/internal/demo/answer"
	"bff/internal/demo/journal"
	"bff/internal/demo/trouble"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Identity is the audience for which the backend takes assertions.
const Identity = "app"

// Config says whose assertions the backend takes.
type Config struct {
	Origin string   // an issuer; the keys are at Origin + "/bff/jwks.json"
	Fronts []string // further issuers: fronts of the same bff
	Log    *journal.Journal
	Now    func() time.Time
}

// A Backend plays an application's own backend, with its database. Safe for concurrent use.
type Backend struct {
	*database

	BackendURL string

	cfg    Config
	client *http.Client

	mu      sync.Mutex
	keys    jose.JSONWebKeySet
	fetched time.Time
}

var errNobody = errors.New("no valid assertion")

// asserted is what an assertion says.
type asserted struct {
	Issuer        string   `json:"iss"`
	Audience      string   `json:"aud"`
	Subject       string   `json:"sub"`
	Session       string   `json:"sid"`
	Name          string   `json:"name,omitempty"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified"`
	Rights        []string `json:"rights"`
	AppID         string   `json:"app_id,omitempty"`
	Provider      string   `json:"provider"`
	AuthTime      int64    `json:"auth_time"`
	IssuedAt      int64    `json:"iat"`
	Expiry        int64    `json:"exp"`
}

// New returns a backend that answers on port.
func New(port *trouble.Port, cfg Config) *Backend {
	b := &Backend{database: newDatabase(), BackendURL: port.URL(), cfg: cfg, client: &http.Client{Timeout: 5 * time.Second}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /greeting", b.greet)
	mux.HandleFunc("POST /hooks/sign-in", b.signIn)
	mux.HandleFunc("POST /hooks/events", b.event)
	port.Serve(http.MaxBytesHandler(mux, 64<<10))
	return b
}

// greet answers with a greeting by name, what the user may do, and all that the assertion says.
func (b *Backend) greet(w http.ResponseWriter, r *http.Request) {
	who, err := b.verify(r)
	if err != nil {
		status := http.StatusUnauthorized
		if !errors.Is(err, errNobody) {
			status = http.StatusServiceUnavailable
		}
		answer.JSON(w, status, map[string]any{"error": err.Error()})
		return
	}
	name, may := who.Name, "nothing in particular"
	if name == "" {
		name = who.Subject
	}
	if len(who.Rights) > 0 {
		may = strings.Join(who.Rights, ", ")
	}
	front := ""
	if len(b.cfg.Fronts) > 0 {
		front = " at " + who.Issuer
	}
	b.cfg.Log.Note("backend", "", "the backend learned that %s is asking%s (%s), with the rights: %s. No token came along",
		name, front, who.Subject, may)
	w.Header().Set("Cache-Control", "no-store")
	answer.JSON(w, http.StatusOK, map[string]any{"greeting": "Hello " + name + ".", "rights": who.Rights, "claims": who})
}

// verify checks the assertion of a call.
func (b *Backend) verify(r *http.Request) (*asserted, error) {
	raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || token.Headers[0].ExtraHeaders[jose.HeaderType] != "at+jwt" {
		return nil, errNobody
	}
	keys, err := b.find(token.Headers[0].KeyID)
	if err != nil {
		return nil, err
	}
	var standard jwt.Claims
	var who asserted
	want := jwt.Expected{AnyAudience: jwt.Audience{Identity}, Time: b.cfg.Now()}
	if len(keys) == 0 || token.Claims(keys[0].Key, &standard, &who) != nil || standard.Expiry == nil ||
		standard.ValidateWithLeeway(want, 0) != nil {
		return nil, errNobody
	}
	if who.Issuer != b.cfg.Origin && !slices.Contains(b.cfg.Fronts, who.Issuer) {
		return nil, errNobody
	}
	return &who, nil
}

// find fetches the keys once an hour, and at most once a second for a key that is new.
func (b *Backend) find(id string) ([]jose.JSONWebKey, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.keys.Key(id)
	if age := time.Since(b.fetched); age < time.Second || age < time.Hour && len(found) > 0 {
		return found, nil
	}
	resp, err := b.client.Get(b.cfg.Origin + "/bff/jwks.json")
	if err != nil {
		return nil, errors.New("the keys cannot be fetched")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&b.keys) != nil {
		return nil, errors.New("the keys cannot be fetched")
	}
	b.fetched = time.Now()
	return b.keys.Key(id), nil
}
