package config

import (
	"bff/internal/oauth/providers"
	"bff/internal/vault"
)

// wordsOf are the values of a provider's key that takes one of a few; none when it takes any. The key is its path.
func wordsOf(key string) []string {
	switch key {
	case "keep":
		return []string{string(vault.KeepSession), string(vault.KeepUser)}
	case "client_auth":
		return []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "signed_secret", providers.NoClientAuth}
	case "pkce":
		return []string{providers.PKCEOff, providers.PKCEPlain}
	case "auth":
		return []string{"api_key", "basic", "service_account", "client_credentials", "github_app"}
	case "granted_scopes":
		return []string{"callback"}
	case "about.scopes.kind":
		return []string{providers.ScopeWho, providers.ScopeSee, providers.ScopeChange, providers.ScopeKeep}
	case "refused_refresh.reason":
		return []string{"revoked", "expired", "session_policy", "unknown"}
	case "rotates":
		return []string{"never", "always"}
	case "token_body":
		return []string{"form", "json"}
	case "userinfo_method", "token_method", "refresh_method", "long_lived_method":
		return []string{"GET", "POST"}
	case "refresh_with":
		return []string{providers.RefreshWithAccess}
	case "revocation_method":
		return []string{"POST", "DELETE", "GET"}
	case "revocation_auth":
		return []string{"client", "basic", "bearer", "none"}
	case "revocation_body":
		return []string{"form", "json", "none"}
	case "revocation_token":
		return []string{"refresh", "access"}
	}
	return nil
}
