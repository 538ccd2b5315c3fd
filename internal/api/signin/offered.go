package signin

import (
	"slices"

	"bff/internal/oauth"
)

// offered are the providers with which people sign in or link accounts.
type offered struct {
	broker   *oauth.Broker
	names    []string
	linkOnly []string // those whose accounts are linked only
}

// linkedOnly says whether accounts of a provider sign nobody in.
func (o *offered) linkedOnly(provider string) bool {
	return slices.Contains(o.linkOnly, provider) || o.broker.Typed(provider)
}

// known says whether a provider has accounts of people.
func (o *offered) known(provider string) bool {
	return slices.Contains(o.names, provider) && !o.broker.Operated(provider)
}

// title is what a provider is called on a page.
func (o *offered) title(provider string) string {
	for _, p := range o.broker.Providers() {
		if p.Name == provider {
			return p.Title
		}
	}
	return provider
}
