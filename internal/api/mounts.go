package api

import (
	"sync"

	"bff/internal/api/live"
	"bff/internal/api/route"
	"bff/internal/assertion"
	"bff/internal/explain"
	"bff/internal/oauth"
	"bff/internal/vault"
)

// mounts are the rows of the apis.
type mounts struct {
	calls *calls
	rows  []route.Row
	all   []Mount
	of    map[*route.Front][]string // the mounts of a front that does not have all, by name
}

// calls carries proxied calls.
type calls struct {
	vault     *vault.Vault
	broker    *oauth.Broker
	signer    *assertion.Signer
	providers []string
	streams   *live.Streams
	pace      *pace
	touch     *toucher
	offered   map[string][]string // by provider: the scopes of its configured apis
	carried   *explain.Calls
}

// A toucher slides idle times behind the callers' backs: one write at a time for a session.
type toucher struct {
	vault *vault.Vault
	work  *background
	busy  sync.Map // by session id
}
