package config

import (
	"fmt"
	"slices"
)

// An agreement is what must hold between parts of the file. It runs once, when all of them are read: its methods report
// what does not hold, and fill in what follows from another part.
type agreement struct {
	*Config
	r *reader
}

// named reports where something names a provider that is not there. A provider with mistakes of its own counts as there.
func (c agreement) named(path, provider string, names []string) {
	if _, there := c.r.positions["providers."+provider]; there || slices.Contains(names, provider) {
		return
	}
	switch near := Nearest(provider, names); {
	case near != "":
		c.r.wrong(c.r.where(path), "`%s` names no provider of this file; did you mean `%s`?", path, near)
	case len(names) > 0:
		c.r.wrong(c.r.where(path), "`%s` names no provider of this file; write one of %s", path, listed(names))
	default:
		c.r.wrong(c.r.where(path), "`%s` names no provider of this file; add it below `providers`", path)
	}
}

// identities are the audiences of backends, each once.
func (c agreement) identities() (all []string) {
	for _, a := range c.APIs {
		if a.Identity != "" && !slices.Contains(all, a.Identity) {
			all = append(all, a.Identity)
		}
	}
	return all
}

func (c agreement) providerNames() (all []string) {
	for _, p := range c.Providers {
		all = append(all, p.Name)
	}
	return all
}

func indexed(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// rootOf is the api among names (all where nil) that is the whole site, or "".
func (c agreement) rootOf(names []string) string {
	for _, a := range c.APIs {
		if a.Path == "/" && a.Host == "" && (names == nil || slices.Contains(names, a.Name)) {
			return a.Name
		}
	}
	return ""
}

// meant is the end of a sentence about a name that is none of those there are.
func meant(name string, known []string) string {
	switch near := Nearest(name, known); {
	case near != "":
		return "; did you mean `" + near + "`?"
	case len(known) > 0:
		return "; write one of " + listed(known)
	}
	return "; there are none"
}
