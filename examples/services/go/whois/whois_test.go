package whois_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/basket/whois"
)

const (
	origin = "https://app.example.com"
	shop   = "https://shop.example.org"
)

var (
	private  = ed25519.NewKeyFromSeed([]byte(strings.Repeat("b", 32)))
	stranger = ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", 32)))
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func sign(key ed25519.PrivateKey, header, claims map[string]any) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	text := b64(h) + "." + b64(c)
	return text + "." + b64(ed25519.Sign(key, []byte(text)))
}

func header() map[string]any { return map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": "one"} }

func claims() map[string]any {
	return map[string]any{
		"iss":    origin,
		"sub":    "u_1",
		"aud":    "app",
		"sid":    "s_1",
		"rights": []string{"staff"},
		"name":   "Ada",
		"exp":    time.Now().Unix() + 60,
	}
}

func with(m map[string]any, name string, value any) map[string]any {
	m[name] = value
	return m
}

func without(m map[string]any, name string) map[string]any {
	delete(m, name)
	return m
}

// mac is what a library that believes the header would check: the public key as the secret of a MAC.
func mac(header, claims map[string]any) string {
	text := sign(private, header, claims)
	text = text[:strings.LastIndexByte(text, '.')]
	h := hmac.New(sha256.New, private.Public().(ed25519.PublicKey))
	h.Write([]byte(text))
	return text + "." + b64(h.Sum(nil))
}

func request(token string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// published are the keys that the fake bff has, beside the first.
var published = map[string]ed25519.PrivateKey{}

// fakeBFF has one key, or several, and ends the session when its ended turns true.
func fakeBFF(t *testing.T, ended *bool) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/bff/jwks.json":
			jwk := func(kid string, key ed25519.PrivateKey) map[string]string {
				return map[string]string{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": kid,
					"x": b64(key.Public().(ed25519.PublicKey))}
			}
			keys := []any{jwk("one", private)}
			for kid, key := range published {
				keys = append(keys, jwk(kid, key))
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
		case "/introspect":
			if r.FormValue("client_id") != "basket" || r.FormValue("client_secret") != "s3cret" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]bool{"active": !*ended})
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestVerifyRefusesWhatIsNotForThisService(t *testing.T) {
	server := fakeBFF(t, new(bool))
	v := &whois.Verifier{Issuers: []string{origin, shop}, Audience: "app", KeysURL: server.URL + "/bff/jwks.json"}
	got, err := v.Verify(request(sign(private, header(), claims())))
	if err != nil || got.Subject != "u_1" || got.Name != "Ada" || got.Rights[0] != "staff" {
		t.Fatalf("a good one: %+v, %v", got, err)
	}
	if c, err := v.Verify(request(sign(private, header(), with(claims(), "iss", shop)))); err != nil || c.Issuer != shop {
		t.Errorf("another front that is listed: %v", err)
	}
	good := strings.Split(sign(private, header(), claims()), ".")
	for name, token := range map[string]string{
		"nothing":           "",
		"forged":            sign(stranger, header(), claims()),
		"changed":           good[0] + "." + b64([]byte(`{"iss":"`+origin+`","aud":"app","sub":"u_2","exp":99999999999}`)) + "." + good[2],
		"without signature": good[0] + "." + good[1] + ".",
		"alg none":          sign(private, with(header(), "alg", "none"), claims()),
		"no alg, no mark":   strings.TrimSuffix(sign(private, with(header(), "alg", "none"), claims()), good[2]),
		"HS256, public key": mac(with(header(), "alg", "HS256"), claims()),
		"no type":           sign(private, without(header(), "typ"), claims()),
		"no key named":      sign(private, without(header(), "kid"), claims()),
		"for later":         sign(private, header(), with(claims(), "nbf", time.Now().Unix()+30)),
		"without an end":    sign(private, header(), without(claims(), "exp")),
		"an unlisted front": sign(private, header(), with(claims(), "iss", "https://help.example.net")),
		"a longer front":    sign(private, header(), with(claims(), "iss", shop+".evil.example")),
		"no issuer":         sign(private, header(), without(claims(), "iss")),
		"another type":      sign(private, with(header(), "typ", "JWT"), claims()),
		"an unknown key":    sign(private, with(header(), "kid", "two"), claims()),
		"expired":           sign(private, header(), with(claims(), "exp", time.Now().Unix())),
		"another audience":  sign(private, header(), with(claims(), "aud", "other")),
		"another issuer":    sign(private, header(), with(claims(), "iss", "https://evil.example")),
	} {
		if _, err := v.Verify(request(token)); !errors.Is(err, whois.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	server.Close()
	v = &whois.Verifier{Issuers: []string{origin}, Audience: "app", KeysURL: server.URL}
	if _, err := v.Verify(request(sign(private, header(), claims()))); err == nil || errors.Is(err, whois.ErrRefused) {
		t.Errorf("bff is away: %v", err)
	}
}

// A verifier finds a new key after a minute, and the old one still counts.
func TestVerifyFindsANewKey(t *testing.T) {
	server := fakeBFF(t, new(bool))
	v := &whois.Verifier{Issuers: []string{origin}, Audience: "app", KeysURL: server.URL + "/bff/jwks.json"}
	old := request(sign(private, header(), claims()))
	if _, err := v.Verify(old); err != nil {
		t.Fatal(err)
	}
	fresh := ed25519.NewKeyFromSeed([]byte(strings.Repeat("n", 32)))
	published["two"] = fresh
	t.Cleanup(func() { delete(published, "two") })
	turned := request(sign(fresh, with(header(), "kid", "two"), claims()))
	if _, err := v.Verify(turned); !errors.Is(err, whois.ErrRefused) { // one look a minute, whoever asks
		t.Errorf("within the minute: %v", err)
	}
	v.Age(61 * time.Second)
	if _, err := v.Verify(turned); err != nil {
		t.Errorf("after a minute: %v", err)
	}
	if _, err := v.Verify(old); err != nil {
		t.Errorf("the key before: %v", err)
	}
}

func TestIntrospectionSaysWhetherTheSessionLives(t *testing.T) {
	ended := false
	i := &whois.Introspector{URL: fakeBFF(t, &ended).URL + "/introspect", Client: "basket", Secret: "s3cret"}
	r := request(sign(private, header(), claims()))
	if live, err := i.Live(r); !live || err != nil {
		t.Errorf("a live session: %v, %v", live, err)
	}
	ended = true
	if live, err := i.Live(r); live || err != nil {
		t.Errorf("an ended session: %v, %v", live, err)
	}
	i.Secret = "wrong"
	if live, err := i.Live(r); live || err == nil {
		t.Errorf("a wrong secret: %v, %v", live, err)
	}
}
