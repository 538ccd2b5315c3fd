package manage

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"bff/internal/api/document"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/explain"
	"bff/internal/oauth"
	"bff/internal/vault"
)

// A Signer signs receipts with a key of the JWK Set that bff publishes.
type Signer interface {
	Sign(ctx context.Context, typ string, payload any) (string, error)
}

// Config is what a Manager needs.
type Config struct {
	Origin  string         // issuer of receipts
	Fronts  *route.Fronts  // of the sessions
	Vault   *vault.Vault   // required
	Broker  *oauth.Broker  // required
	Signer  Signer         // required: erasing is refused without one
	Clients []route.Client // all that there are, for `?of=`
	Calls   *explain.Calls // of this instance; nil: none are remembered
	Now     func() time.Time
}

// A Manager answers services. It is safe for concurrent use.
type Manager struct {
	cfg     Config
	clients map[string]route.Client

	mu    sync.Mutex
	rates map[string]*rate.Limiter // by name of the client
}

// Each client may ask so often, on each instance.
const (
	perSecond = 200
	atOnce    = 1000
)

// New makes a Manager.
func New(cfg Config) *Manager {
	m := &Manager{cfg: cfg, clients: map[string]route.Client{}, rates: map[string]*rate.Limiter{}}
	for _, c := range cfg.Clients {
		m.clients[c.Name] = c
		m.rates[c.Name] = rate.NewLimiter(perSecond, atOnce)
	}
	return m
}

// Rows are the routes.
func (m *Manager) Rows() []route.Row {
	row := func(method, path string, may route.Permission, do func(*route.Call) error) route.Row {
		return route.Row{Method: method, Path: path, Who: route.ClientBasic, From: route.NoPage, Keep: route.NoStore,
			May: may, Do: m.paced(do)}
	}
	return []route.Row{
		row("GET", "/users", route.Manage, m.listUsers),
		row("GET", "/users/{id}", route.Manage, m.getUser),
		row("PATCH", "/users/{id}", route.Manage, m.setRights),
		row("DELETE", "/users/{id}", route.Manage, m.erase),
		row("GET", "/users/{id}/sessions", route.Manage, m.listSessions),
		row("DELETE", "/users/{id}/sessions", route.Manage, m.endSessions),
		row("DELETE", "/sessions/{id}", route.Manage, m.endSession),
		row("GET", "/users/{id}/connections", route.Manage, m.listConnections),
		row("DELETE", "/users/{id}/connections/{connection}", route.Manage, m.unlink),
		row("GET", "/explain/{id}", route.Manage, m.explain),
		row("GET", "/sessions/{id}/data", route.Data, m.data(m.sessionData, document.Store.Answer)),
		row("PATCH", "/sessions/{id}/data", route.Data, m.data(m.sessionData, document.Store.Patch)),
		row("GET", "/users/{id}/data", route.Data, m.data(m.userData, document.Store.Answer)),
		row("PATCH", "/users/{id}/data", route.Data, m.data(m.userData, document.Store.Patch)),
	}
}

// paced bounds how often a client asks.
func (m *Manager) paced(do func(*route.Call) error) func(*route.Call) error {
	return func(c *route.Call) error {
		m.mu.Lock()
		limiter := m.rates[c.Client.Name]
		m.mu.Unlock()
		if limiter != nil && !limiter.AllowN(m.cfg.Now(), 1) {
			return problem.New(problem.RateLimited).After(time.Second)
		}
		return do(c)
	}
}

// explain says what is known of a request, session, user or connection: by the store, and by this instance of calls that
// went well.
func (m *Manager) explain(c *route.Call) error {
	story, err := explain.Tell(c.Ctx(), m.cfg.Vault.Explanations, c.R.PathValue("id"))
	if err != nil {
		return err
	}
	m.cfg.Calls.Tell(&story, m.cfg.Now())
	if len(story.Events) == 0 {
		return problem.New(problem.NotFound).Because("Nothing is known of this id. Of a call that went well, the instance that " +
			"carried it knows.")
	}
	return c.JSON(http.StatusOK, story)
}

func noUser() error    { return problem.New(problem.NotFound).Because("There is no such user.") }
func noSession() error { return problem.New(problem.NotFound).Because("There is no such session.") }

// unless answers ErrNotFound with gone.
func unless(err error, gone func() error) error {
	if errors.Is(err, vault.ErrNotFound) {
		return gone()
	}
	return err
}

// endSessions ends all sessions of a user.
func (m *Manager) endSessions(c *route.Call) error {
	id := c.R.PathValue("id")
	if _, err := m.cfg.Vault.Users.Get(c.Ctx(), id); err != nil {
		return unless(err, noUser)
	}
	if _, err := m.cfg.Vault.Index.EndUser(c.Ctx(), id, ended); err != nil {
		return err
	}
	return c.Empty(http.StatusNoContent)
}

// ended is the reason that the browser hears of.
const ended = "ended_elsewhere"

func (m *Manager) endSession(c *route.Call) error {
	id := c.R.PathValue("id")
	if err := m.cfg.Vault.Index.EndSession(c.Ctx(), id, ended); err != nil {
		return unless(err, noSession)
	}
	return c.Empty(http.StatusNoContent)
}

// unlink removes a connection that the user keeps. Its grant is revoked through the outbox.
func (m *Manager) unlink(c *route.Call) error {
	user, id := c.R.PathValue("id"), c.R.PathValue("connection")
	err := m.cfg.Vault.Connections.UnlinkKept(c.Ctx(), user, id, m.cfg.Broker.Outbox.Revocation)
	if err != nil {
		return unless(err, func() error {
			return problem.New(problem.NotFound).Because("The user keeps no such connection.")
		})
	}
	m.cfg.Broker.Outbox.Nudge()
	return c.Empty(http.StatusNoContent)
}
