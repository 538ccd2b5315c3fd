package api

import (
	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/vault"
)

// target is where a call through c goes. nil: to the mount's own upstream. What is kept with c is checked for every
// call: the configuration may have changed since.
func (s *calls) target(c *vault.Connection, m *Mount) (*proxy.Target, error) {
	if m.Where == nil {
		return nil, nil
	}
	where := proxy.Where{Upstreams: map[string]proxy.Upstream{}, Headers: map[string]string{}}
	place := func(template string) (up proxy.Upstream, err error) {
		up.URL, up.Outside, err = s.broker.Place(c, template)
		return up, err
	}
	var err error
	if where.Upstream, err = place(m.Where.Upstream); err != nil {
		return nil, err
	}
	for prefix, template := range m.Where.Upstreams {
		if where.Upstreams[prefix], err = place(template); err != nil {
			return nil, err
		}
	}
	for name, template := range m.Where.Headers {
		if where.Headers[name], err = s.broker.Fill(c, template); err != nil {
			return nil, err
		}
	}
	to, err := m.Target(where)
	if err != nil {
		return nil, &oauth.Error{Kind: oauth.KindReauth, Op: "find the address of a call through", Provider: c.Provider,
			Reason: oauth.ReasonValues, Err: err}
	}
	return to, nil
}
