package config

import (
	"slices"
	"strings"

	"bff/internal/oauth/address"
)

// A PerCall has the templates that each call fills with the values of its connection.
type PerCall struct {
	Upstream  string
	Upstreams map[string]string // by the path below the mount
	Headers   map[string]string
}

// readTemplatedBase is the base URL of an upstream that has places for values.
func readTemplatedBase(v value, text string) (string, bool) {
	if strings.Contains(text, "?") {
		v.wrong("%s has a query; remove it from the ? on", v.name())
		return "", false
	}
	return strings.TrimSuffix(text, "/"), true
}

// onValues is what must hold between the values of a provider and the apis that have places for them.
func (c agreement) onValues(v value) {
	for i := range c.APIs {
		a := &c.APIs[i]
		j := slices.IndexFunc(c.Providers, func(p Provider) bool { return p.Name == a.Provider })
		if a.Provider == "" {
			a.refuseValues(v)
		}
		if j >= 0 {
			a.takeValues(v, &c.Providers[j])
		}
	}
}

// templates are the addresses of an api, by their paths in the file.
func (a *API) templates() map[string]string {
	all := map[string]string{"upstream": a.Upstream}
	for prefix, up := range a.Upstreams {
		all["upstreams."+prefix] = up
	}
	return all
}

func (a *API) refuseValues(v value) {
	for key, template := range a.templates() {
		if names := address.Names(template); len(names) > 0 {
			path := "apis." + a.Name + "." + key
			v.r.wrong(v.r.where(path, "apis."+a.Name),
				"`%s` has `{%s}`, and a backend has no provider whose values could stand there; "+
					"write the address out", path, names[0])
		}
	}
}

// takeValues fills in what is the same for all accounts, and notes what each call has to say.
func (a *API) takeValues(v value, p *Provider) {
	path, fixed := "apis."+a.Name, p.Fixed()
	where := PerCall{Upstream: a.Upstream, Upstreams: a.Upstreams, Headers: map[string]string{}}
	for key, template := range a.templates() {
		if len(address.Names(template)) == 0 {
			continue
		}
		p.checkTemplate(v, path+"."+key, template, v.r.where(path+"."+key, path))
		if address.Filled(template, fixed) {
			made, err := address.URL(template, fixed, p.Hosts)
			if err != nil && !v.r.reported(v.r.where(path+"."+key, path)) {
				v.r.wrong(v.r.where(path+"."+key, path), "`%s.%s`: %v", path, key, err)
			}
			a.put(key, made.URL)
			continue
		}
		a.PerCall = true
		p.Upstreams = append(p.Upstreams, template)
	}
	where.Upstream, where.Upstreams = a.Upstream, a.Upstreams
	for name, text := range a.SetHeaders {
		if !slices.Contains(a.literal, name) {
			continue // it comes from elsewhere, and may have braces of its own
		}
		for _, value := range address.Names(text) {
			if !p.Known(value) {
				at := v.r.where(path+".headers."+name, path)
				v.r.wrong(at, "`%s.headers.%s` has `{%s}`, which is no variable and no kept value of `providers.%s`; %s", path,
					name, value,
					p.Name, p.there())
			}
		}
		if address.Filled(text, fixed) {
			a.SetHeaders[name] = address.Text(text, fixed)
			continue
		}
		where.Headers[name] = text
		a.CallHeaders = append(a.CallHeaders, name)
		delete(a.SetHeaders, name)
	}
	slices.Sort(a.CallHeaders)
	if a.PerCall || len(a.CallHeaders) > 0 {
		a.Where = &where
	}
}

// put writes an address where templates found it.
func (a *API) put(key, to string) {
	if prefix, ok := strings.CutPrefix(key, "upstreams."); ok {
		a.Upstreams[prefix] = to
		return
	}
	a.Upstream = to
}
