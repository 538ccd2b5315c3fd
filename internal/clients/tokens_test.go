package clients_test

import "sync"

// tokens are the access tokens that the provider has issued.
type tokens struct {
	mu   sync.Mutex
	live map[string]bool
}

func (k *tokens) note(kind, value string) {
	if kind != "access_token" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.live == nil {
		k.live = map[string]bool{}
	}
	k.live[value] = true
}

func (k *tokens) check(token string) (subject, scope string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return "ada", "", k.live[token]
}
