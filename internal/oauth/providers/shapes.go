package providers

import "time"

// Shapes are how a provider's requests and answers differ from what the standards say.
type Shapes struct {
	UserAgent string `yaml:"user_agent,omitempty"` // of every request to the provider; "bff" by default

	CodeParam       string            `yaml:"code_param,omitempty"`           // what `code` is called in the callback
	GrantedParam    string            `yaml:"granted_scopes_param,omitempty"` // what `scope` is called in the callback
	CallbackProfile map[string]string `yaml:"callback_profile,omitempty"`     // paths of name and picture in the callback
	Hooks           []string          `yaml:"hooks,omitempty"`                // of HookShopifyHMAC …

	TokenMethod   string            `yaml:"token_method,omitempty"`   // GET: the parameters of token requests go into the address
	TokenNames    map[string]string `yaml:"token_names,omitempty"`    // a parameter of token requests -> its name there
	AnswerNames   map[string]string `yaml:"answer_names,omitempty"`   // a field of a token answer -> its path there
	RefreshMethod string            `yaml:"refresh_method,omitempty"` // as TokenMethod, of refreshes
	RefreshNames  map[string]string `yaml:"refresh_names,omitempty"`  // as TokenNames, of refreshes
	RefreshWith   string            `yaml:"refresh_with,omitempty"`   // RefreshWithAccess, or "" for the refresh token
	RefreshAhead  time.Duration     `yaml:"refresh_ahead,omitempty"`  // a minute by default; at most a quarter of a life

	// The exchange of a short-lived access token for a long-lived one, right after the code was redeemed.
	LongLivedURL    string            `yaml:"long_lived_url,omitempty"`
	LongLivedMethod string            `yaml:"long_lived_method,omitempty"` // POST by default
	LongLivedParams map[string]string `yaml:"long_lived_params,omitempty"` // "{access_token}" is replaced

	UserinfoTokenQuery string            `yaml:"userinfo_token_query,omitempty"` // the parameter that carries the token there
	RevocationParams   map[string]string `yaml:"revocation_params,omitempty"`    // further ones of a revocation
}

// RefreshWithAccess is a value of Shapes.RefreshWith.
const RefreshWithAccess = "access_token"

// HookShopifyHMAC is a hook: what data cannot say. The callback's `hmac` must be that of its other
// parameters, by the client's secret.
const HookShopifyHMAC = "shopify_hmac"

// Hooks are all there are, at most five: what more providers do becomes a key.
func Hooks() []string { return []string{HookShopifyHMAC} }

// Code is what `code` is called in the callback.
func (s *Shapes) Code() string {
	if s.CodeParam == "" {
		return "code"
	}
	return s.CodeParam
}
