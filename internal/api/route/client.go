package route

import "bff/internal/secret"

// A Client is a service that may ask on the admin listener.
type Client struct {
	Name     string
	Secret   secret.Text
	Exchange []string // audiences whose tokens it may have with a session's cookie value
	Offline  []string // providers whose tokens it may have by user id
	Manage   bool     // users, sessions, rights
	Data     bool     // data of its own beside sessions and users
	Shared   bool     // others may read its data
}

// Has says whether the configuration gave the client p.
func (c *Client) Has(p Permission) bool {
	switch p {
	case NoPermission:
		return true
	case Manage:
		return c.Manage
	case Data:
		return c.Data
	}
	return false
}
