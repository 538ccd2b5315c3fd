package vault

// A Front is one origin with cookies of its own. A session is of one front: see LoadAt.
type Front struct {
	Name   string // in its sessions: the origin, "" for the first
	Cookie string // the session cookie's whole name
	Secure bool   // the cookie's Secure attribute
}

// front is at, or the first front of the configuration where at is zero.
func (c *core) front(at Front) Front {
	if at == (Front{}) {
		return Front{Cookie: c.cfg.Cookie, Secure: c.cfg.Secure}
	}
	return at
}
