package oauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/client"
	"bff/internal/oauth/providers"
)

// checkHooks is what a provider's hooks say of its callback. A hook that does not exist refuses.
func checkHooks(p *client.Provider, q url.Values) error {
	for _, hook := range p.Shapes.Hooks {
		if hook != providers.HookShopifyHMAC || !signedByShopify(q, p.Client.Secret.Reveal()) {
			return p.Fail(KindFailed, "return from", errors.New("the answer is not signed by the provider"))
		}
	}
	return nil
}

// signedByShopify verifies the `hmac` of a callback: HMAC-SHA256 by the client's secret over the other parameters,
// sorted.
func signedByShopify(q url.Values, secret string) bool {
	given, err := hex.DecodeString(q.Get("hmac"))
	if err != nil || len(q["hmac"]) != 1 || secret == "" {
		return false
	}
	rest := url.Values{}
	for name, values := range q {
		if name != "hmac" {
			rest[name] = values
		}
	}
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(rest.Encode()))
	return hmac.Equal(mac.Sum(nil), given)
}

const maxCallbackJSON = 4096

// introduce adds what the callback itself says of the person: it is shown, and decides nothing.
func (who *account) introduce(p *client.Provider, q url.Values) {
	for what, to := range map[string]*string{"name": &who.name, "picture": &who.picture} {
		paths := p.Shapes.CallbackProfile[what]
		if paths == "" || *to != "" {
			continue
		}
		var parts []string
		for path := range strings.SplitSeq(paths, "+") {
			param, inner, nested := strings.Cut(path, ".")
			text := q.Get(param)
			if nested {
				if len(text) > maxCallbackJSON {
					continue
				}
				o, _ := claims.Parse([]byte(text))
				text = o.Text(inner)
			}
			if text != "" {
				parts = append(parts, text)
			}
		}
		*to = strings.Join(parts, " ")
	}
	who.bound()
}
