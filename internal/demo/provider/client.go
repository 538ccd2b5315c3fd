package provider

import (
	"crypto/subtle"
	"net/url"
	"slices"
	"sync"

	"bff/internal/demo/shelf"
)

// A Client is the one client that is registered here. Safe for concurrent use.
type Client struct {
	ClientID     string
	ClientSecret string

	mu       sync.Mutex
	redirect []string
	after    []string // post-logout redirect URIs
}

func newClient(cfg Config) *Client {
	return &Client{
		ClientID: "bff-demo", ClientSecret: "demo-" + shelf.Random(24),
		redirect: append([]string{cfg.Origin + "/bff/callback/" + cfg.Provider}, cfg.RedirectURIs...),
		after:    append([]string{cfg.Origin, cfg.Origin + "/"}, cfg.PostLogoutURIs...),
	}
}

// AllowRedirect registers a further redirect URI of the client.
func (c *Client) AllowRedirect(uri string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.redirect = append(c.redirect, uri)
}

// is compares what a request presents with the client's id and secret.
func (c *Client) is(id, secret string) bool {
	return id == c.ClientID && subtle.ConstantTimeCompare([]byte(secret), []byte(c.ClientSecret)) == 1
}

// redirects reports whether a redirect URI is registered, byte for byte.
func (c *Client) redirects(uri string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.redirect, uri)
}

// returns reports whether a post-logout redirect URI is registered, byte for byte.
func (c *Client) returns(uri string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.after, uri)
}

// origins are those of all registered addresses, each with a space before it.
func (c *Client) origins() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out, seen := "", map[string]bool{}
	for _, uri := range slices.Concat(c.redirect, c.after) {
		if u, err := url.Parse(uri); err == nil && u.Host != "" && !seen[u.Scheme+u.Host] {
			seen[u.Scheme+u.Host] = true
			out += " " + u.Scheme + "://" + u.Host
		}
	}
	return out
}
