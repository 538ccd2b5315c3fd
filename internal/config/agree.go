package config

func (c agreement) all(v value) {
	r := c.r
	c.onProviders()
	c.onOperated()
	c.onValues(v)
	c.onMounts()
	c.onClients()
	c.onUsers()
	c.onFronts()
	if OneListener(c.Listen, c.Admin) {
		r.wrong(
			r.where("admin", "listen"),
			"`admin` is the address of `listen`; browsers must not reach it: write another port",
		)
	}
	if c.TLS.On() && c.Origin != nil && !c.Secure() {
		r.wrong(r.where("tls"), "`tls` is set and `origin` is http; write `origin: https://%s`", c.Origin.Host)
	}
	for _, addr := range []string{c.Listen, c.Admin} {
		if c.TLS.Redirect != "" && OneListener(c.TLS.Redirect, addr) {
			r.wrong(r.where("tls.redirect"), "`tls.redirect` is the address of another listener; write another port")
		}
	}
	if root := c.rootOf(nil); root != "" && c.Frontend.serves() {
		r.wrong(
			r.where("frontend"),
			"`apis.%s` is the whole site, so `frontend` would never be reached; remove one of them",
			root,
		)
	}
}
