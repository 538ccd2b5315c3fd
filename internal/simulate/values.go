package simulate

import (
	"maps"
	"slices"
	"strings"

	"bff/internal/oauth/address"
	"bff/internal/oauth/providers"
)

// valueKeys are the keys of a file that say what differs between accounts. A trial has accounts at one host.
func valueKeys() []string {
	return []string{"variables", "hosts", "keep_values", "keep_request", "account_values"}
}

// settled is a file as it is for accounts at one host: each value has an example, and nothing is asked or kept.
func settled(p providers.Config) providers.Config {
	p.Variables = maps.Clone(p.Variables)
	for _, name := range p.Unset() {
		one := p.Variables[name]
		one.Value = example(nil, "", one.Matches)
		p.Variables[name] = one
	}
	p.Hosts = p.OwnHosts()
	values := p.Defaults()
	for name := range p.Variables {
		v := p.Variables[name]
		values[name] = example(p.Hosts, values[name], v.Matches)
	}
	for _, name := range p.Kept() {
		if values[name] == "" {
			values[name] = example(p.Hosts, "", func(string) bool { return true })
		}
	}
	for _, a := range p.Addresses() {
		for _, name := range address.HostNames(*a) {
			if made, err := address.URL(*a, values, p.Hosts); err != nil || made.URL == "" {
				values[name] = hostFor(&p, *a, name, values)
			}
		}
	}
	filled, err := p.Filled(values)
	if err != nil {
		return p
	}
	filled.Values = providers.Values{}
	return filled
}

// example is a value: the one that is there, or the first that fits.
func example(hosts []string, given string, fits func(string) bool) string {
	if given != "" {
		return given
	}
	for _, try := range append([]string{"simulated", "simulated.example", "simulated1", "us1", "1", "s", "abcdefgh"}, hosts...) {
		if fits(try) {
			return try
		}
	}
	return "simulated"
}

// hostFor is a value with which an address leads to one of the hosts of the file.
func hostFor(p *providers.Config, template, name string, values map[string]string) string {
	tried := maps.Clone(values)
	for _, host := range slices.Sorted(slices.Values(p.Hosts)) {
		host = strings.Replace(host, "*.", "simulated.", 1)
		for _, value := range []string{"https://" + host, host, strings.SplitN(host, ".", 2)[0]} {
			tried[name] = value
			if _, err := address.URL(template, tried, p.Hosts); err == nil {
				return value
			}
		}
	}
	return values[name]
}
