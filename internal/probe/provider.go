package probe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"bff/internal/oauth/providers"
)

// An Examination looks at what one provider publishes. Whether flows work is the broker's to say.
type Examination struct {
	provider providers.Config
	client   *http.Client
	found    published
	findings []Finding
}

// Provider examines a provider: its metadata, its endpoints, its keys, and whether its habits are those of the
// configuration.
func Provider(ctx context.Context, client *http.Client, p providers.Config) []Finding {
	if filled, err := p.Filled(p.Fixed()); err == nil { // else an endpoint cannot be reached, which is said of it
		p = filled
	}
	x := &Examination{provider: p, client: client}
	x.metadata(ctx)
	x.endpoints(ctx)
	x.keys(ctx)
	x.habits()
	return x.findings
}

func (x *Examination) say(outcome, what, text string) {
	x.findings = append(x.findings, Finding{outcome, what, text})
}

// published is what a discovery document says (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2).
type published struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Userinfo      string   `json:"userinfo_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	Revocation    string   `json:"revocation_endpoint"`
	EndSession    string   `json:"end_session_endpoint"`
	PAR           string   `json:"pushed_authorization_request_endpoint"`
	Scopes        []string `json:"scopes_supported"`
	Challenges    []string `json:"code_challenge_methods_supported"`
	ClientAuth    []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	DPoP          []string `json:"dpop_signing_alg_values_supported"`
	IssParameter  bool     `json:"authorization_response_iss_parameter_supported"`
	BackChannel   bool     `json:"backchannel_logout_supported"`
}

const maxPublished = 1 << 20

// wellKnown is what stands behind an issuer in the address of its metadata.
const wellKnown = "/.well-known/openid-configuration"

// fetch reads a JSON document.
func (x *Examination) fetch(ctx context.Context, where string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return errors.New("its address is no URL")
	}
	r.Header.Set("Accept", "application/json")
	resp, err := x.client.Do(r)
	if err != nil {
		return errors.New(unreached(err))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPublished))
	switch status := resp.StatusCode; {
	case status >= 300 && status < 400:
		return redirected(resp)
	case status != http.StatusOK:
		return fmt.Errorf("it answers %d instead of 200", status)
	case err != nil || json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), into) != nil:
		return errors.New("the answer is not the JSON that it should be")
	}
	return nil
}

func (x *Examination) metadata(ctx context.Context) {
	p := &x.provider
	if p.Issuer != "" {
		where := strings.TrimSuffix(p.Issuer, "/") + wellKnown
		switch err := x.issuer(ctx, where); {
		case errors.Is(err, errChosen):
			x.say("skipped", "discovery", err.Error())
		case err != nil && p.Authorization.URL != "" && p.Token.URL != "" && p.JWKSURL != "":
			x.say("warning", "discovery", err.Error()+"; the endpoints of the configuration are used")
		case err != nil:
			x.say("failed", "discovery", where+": "+err.Error())
		case x.found.Issuer != p.Issuer && anyTenant(p.Issuers, x.found.Issuer) && p.Token.URL != "" && p.JWKSURL != "":
			x.say("ok", "discovery", where+", whose issuer is each tenant's own, as in `issuers`")
		case x.found.Issuer != p.Issuer:
			x.say("failed", "discovery", anotherIssuer(x.found.Issuer))
		default:
			x.say("ok", "discovery", where)
		}
	}
	for _, f := range []struct {
		to    *string
		given string
	}{
		{&x.found.Authorization, p.Authorization.URL}, {&x.found.Token, p.Token.URL}, {&x.found.Userinfo, p.Userinfo.URL},
		{&x.found.JWKS, p.JWKSURL}, {&x.found.Revocation, p.Revocation.URL}, {&x.found.EndSession, p.EndSessionURL},
	} {
		if f.given != "" {
			*f.to = f.given
		}
	}
}

var errChosen = errors.New("the issuer depends on what a person chooses")

// issuer reads the document of an issuer.
func (x *Examination) issuer(ctx context.Context, where string) error {
	if strings.Contains(where, "{") {
		return errChosen
	}
	return x.fetch(ctx, where, &x.found)
}

// anyTenant reports whether an issuer is one of the forms that stand for many: of some tenant, or of all of them, as
// Microsoft's documents for several tenants name it.
func anyTenant(forms []string, issuer string) bool {
	return slices.ContainsFunc(forms, func(form string) bool {
		before, after, many := strings.Cut(form, "{tid}")
		tenant, ok := strings.CutPrefix(issuer, before)
		if ok && many {
			tenant, ok = strings.CutSuffix(tenant, after)
		}
		return ok && many && (tenant == "{tenantid}" || tenantID.MatchString(tenant))
	})
}

// tenantID is what a token's own tenant may be.
var tenantID = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// endpoints sends each of them a GET: any answer means that it can be reached.
func (x *Examination) endpoints(ctx context.Context) {
	for _, e := range []struct {
		name, url, without string
	}{
		{"authorization endpoint", x.found.Authorization, "failed"}, {"token endpoint", x.found.Token, "failed"},
		{"userinfo endpoint", x.found.Userinfo, ""},
		{"revocation endpoint", x.found.Revocation, "unlinking an account cannot revoke its tokens"},
		{"end-session endpoint", x.found.EndSession, "logging out at bff cannot log out at the provider"},
	} {
		switch {
		case e.url == "" && x.provider.Issuer != "" && x.found.Issuer == "": // discovery failed or was left out, which is said
		case e.url == "" && e.without == "failed":
			x.say("failed", e.name, "is neither published nor configured")
		case e.url == "" && e.without != "":
			x.say("ok", e.name, "none: "+e.without)
		case e.url == "":
		case strings.Contains(e.url, "{"):
			x.say("skipped", e.name, "its address depends on the token")
		default:
			x.reach(ctx, e.name, e.url)
		}
	}
}

func (x *Examination) reach(ctx context.Context, name, where string) {
	host, status, err := reach(ctx, x.client, where)
	switch {
	case err != nil:
		x.say("failed", name, err.Error())
	case status >= http.StatusInternalServerError:
		x.say("warning", name, fmt.Sprintf("%s answers %d", host, status))
	default:
		x.say("ok", name, host+" answers")
	}
}

// keys reads the key set entry by entry, and looks for one that can have signed an ID token.
func (x *Examination) keys(ctx context.Context) {
	if x.provider.Issuer == "" || x.found.JWKS == "" {
		return
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := x.fetch(ctx, x.found.JWKS, &set); err != nil {
		x.say("failed", "keys", err.Error())
		return
	}
	good := 0
	for _, entry := range set.Keys {
		if usable(entry) {
			good++
		}
	}
	switch bad := len(set.Keys) - good; {
	case good == 0:
		x.say("failed", "keys", "none can sign ID tokens")
	case bad > 0:
		x.say("ok", "keys", fmt.Sprintf("read, and %d can sign ID tokens; %d cannot and are left out", good, bad))
	default:
		x.say("ok", "keys", fmt.Sprintf("read, and %d can sign ID tokens", good))
	}
}

// usable reports whether an entry of a key set (RFC 7517) is a public key that signs. Certificates in it are not
// needed.
func usable(entry json.RawMessage) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(entry, &fields) != nil {
		return false
	}
	for _, name := range []string{"x5c", "x5t", "x5t#S256", "x5u"} {
		delete(fields, name)
	}
	bare, err := json.Marshal(fields)
	var key jose.JSONWebKey
	return err == nil && key.UnmarshalJSON(bare) == nil && key.IsPublic() && (key.Use == "" || key.Use == "sig")
}

// habits compares what is published with what is configured.
func (x *Examination) habits() {
	if x.found.Issuer == "" {
		return // nothing is published
	}
	judge := func(ok bool, what, yes, no string) {
		if ok {
			x.say("ok", what, yes)
		} else {
			x.say("warning", what, no)
		}
	}
	p, f := &x.provider, &x.found
	judge(
		slices.Contains(f.Challenges, "S256") || p.Authorization.PKCE == providers.PKCEOff,
		"PKCE",
		"S256, or configured off",
		"S256 is not published; if sign-in fails, write `pkce: off`",
	)
	judge(f.IssParameter, "iss parameter", "published, so required of every answer (RFC 9207)",
		"not published; one redirect URI per provider keeps answers apart")
	for _, s := range p.Scopes {
		common := slices.Contains([]string{"openid", "email", "profile", "offline_access"}, s)
		if common && len(f.Scopes) > 0 && !slices.Contains(f.Scopes, s) {
			x.say("warning", "scope "+s, "is not published; the provider may refuse to be asked for it")
		}
	}
	known := p.Client.Auth == "" || len(f.ClientAuth) == 0 || slices.Contains(f.ClientAuth, p.Client.Auth)
	published := strings.Join(slices.DeleteFunc(slices.Clone(f.ClientAuth), odd), ", ")
	judge(
		known,
		"client authentication",
		cmp.Or(published, "nothing is published"),
		"`client_auth` is not among what is published: "+published,
	)
	for _, extra := range []struct {
		there bool
		name  string
	}{{f.PAR != "", "pushed authorization requests"}, {len(f.DPoP) > 0, "DPoP"}, {f.BackChannel, "back-channel logout"}} {
		if extra.there {
			x.say("ok", extra.name, "published")
		}
	}
}

// odd reports whether a published word is not one to print.
func odd(word string) bool {
	return len(word) > 40 || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_") != ""
}
