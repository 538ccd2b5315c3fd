package app

import "bff/internal/config"

// Unwired returns the keys that a configuration sets and that nothing in this version reads. Whoever wires one takes its line out.
func Unwired(c *config.Config) (keys []string) {
	add := func(key string, set bool) {
		if set {
			keys = append(keys, key)
		}
	}
	add("fronts", len(c.Fronts) > 0)
	for _, a := range c.APIs {
		path := "apis." + a.Name
		add(path+".verbs", len(a.Verbs) > 0)
		add(path+".request_headers", a.RequestHeaders != nil)
		add(path+".response_headers", a.ResponseHeaders != nil)
	}
	for _, cl := range c.Clients {
		path := "clients." + cl.Name
		add(path+".offline", len(cl.Offline) > 0)
	}
	return keys
}
