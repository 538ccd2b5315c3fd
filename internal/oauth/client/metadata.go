package client

import (
	"encoding/json"
	"fmt"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
)

// Metadata is what a provider publishes of itself (OpenID Connect Discovery 1.0, RFC 8414), with the operator's
// fields laid over it.
type Metadata struct {
	Issuer           string   `json:"issuer"`
	AuthorizationURL string   `json:"authorization_endpoint"`
	TokenURL         string   `json:"token_endpoint"`
	UserinfoURL      string   `json:"userinfo_endpoint"`
	RevocationURL    string   `json:"revocation_endpoint"`
	JWKSURL          string   `json:"jwks_uri"`
	EndSessionURL    string   `json:"end_session_endpoint"`
	AuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms       []string `json:"id_token_signing_alg_values_supported"`
	IssParameter     bool     `json:"authorization_response_iss_parameter_supported"`
	RequirePAR       bool     `json:"require_pushed_authorization_requests"`
	PARURL           string   `json:"pushed_authorization_request_endpoint"`

	Keys *Keys `json:"-"` // nil for a plain OAuth 2.0 provider
}

// overlay lays the endpoints of pc over m and checks all of them.
func (m *Metadata) overlay(pc *providers.Config) error {
	for _, f := range []struct {
		name      string
		to        *string
		given     string
		mandatory bool
	}{
		{"authorization_endpoint", &m.AuthorizationURL, pc.Authorization.URL, pc.Auth == ""},
		{"token_endpoint", &m.TokenURL, pc.Token.URL, true},
		{"userinfo_endpoint", &m.UserinfoURL, pc.Userinfo.URL, false},
		{"revocation_endpoint", &m.RevocationURL, pc.Revocation.URL, false},
		{"jwks_uri", &m.JWKSURL, pc.JWKSURL, pc.Issuer != "" && pc.Auth == ""},
		{"end_session_endpoint", &m.EndSessionURL, pc.EndSessionURL, false},
		{"pushed_authorization_request_endpoint", &m.PARURL, "", false},
		{"refresh_url", new(string), pc.Token.RefreshURL, false},
		{"long_lived_url", new(string), pc.Shapes.LongLivedURL, false},
	} {
		from := pc.Issuer
		if f.given != "" {
			*f.to, from = f.given, ""
		}
		if *f.to == "" && !f.mandatory {
			continue
		}
		if err := CheckEndpoint(*f.to, from); err != nil {
			return fmt.Errorf("%s %w", f.name, err)
		}
	}
	return nil
}

func convert(o claims.Object, to any) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}
