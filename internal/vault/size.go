package vault

import "unsafe"

// size is about how many bytes of memory s takes.
func (s *Session) size() int {
	n := int(unsafe.Sizeof(*s)) + 2*int(unsafe.Sizeof(*s.ticket.Reveal())) +
		texts(s.cookie.Reveal(), s.ID, s.Device, s.Front, s.Handle, s.version, s.location.tag) + texts(s.location.pairs...)
	u := &s.User
	n += texts(u.ID, u.Provider, u.Subject, u.Name, u.Email, u.Picture, u.AppID) + texts(u.Rights...)
	for i := range u.Identities {
		id := &u.Identities[i]
		n += int(unsafe.Sizeof(*id)) + texts(id.Provider, id.Issuer, id.Subject, id.Named)
	}
	for i := range s.Connections {
		n += s.Connections[i].size()
	}
	return n
}

func (c *Connection) size() int {
	n := int(unsafe.Sizeof(*c)) + texts(c.ID, c.Provider, c.Account.Subject, c.Account.Email, c.Account.Name, c.Status,
		c.Reason, c.owner.name, c.version) + len(c.Tokens.Access.Reveal()) + len(c.Tokens.Refresh.Reveal()) +
		texts(c.Scopes...) + texts(c.Withheld...)
	for name, value := range c.Values {
		n += texts(name, value)
	}
	return n
}

// texts is what strings take: their bytes, and what stands for each in memory.
func texts(of ...string) int {
	n := 0
	for _, s := range of {
		n += len(s) + 16
	}
	return n
}
