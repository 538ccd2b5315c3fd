package demo_test

import (
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"bff/internal/demo"
)

// The demo's own backend greets whom the assertion names, says what it learned, and takes no other token.
func TestTheBackendGreetsByNameAndRight(t *testing.T) {
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32)))
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: "one", Algorithm: "EdDSA"}}}
		_ = json.NewEncoder(w).Encode(set)
	}))
	t.Cleanup(front.Close)
	d, err := demo.Start(demo.Config{Origin: front.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	make := func(key ed25519.PrivateKey, typ, audience string, life time.Duration) string {
		signing := jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: "one"}}
		signer, err := jose.NewSigner(signing, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
		if err != nil {
			t.Fatal(err)
		}
		token, err := jwt.Signed(signer).Claims(map[string]any{"iss": front.URL, "aud": audience, "sub": "u_1", "sid": "s_1",
			"name": "Ada Lovelace", "rights": []string{"admin"}, "exp": time.Now().Add(life).Unix()}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	ask := func(token string) (int, map[string]any) {
		r, _ := http.NewRequest("GET", d.BackendURL+"/greeting", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := front.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		m := map[string]any{}
		_ = json.NewDecoder(resp.Body).Decode(&m)
		return resp.StatusCode, m
	}
	status, m := ask(make(private, "at+jwt", "app", time.Minute))
	if status != http.StatusOK || m["greeting"] != "Hello Ada Lovelace." || m["claims"].(map[string]any)["sub"] != "u_1" {
		t.Errorf("%d %v", status, m)
	}
	log := d.Log(0)
	if last := log[len(log)-1]; last.What != "backend" || !strings.Contains(last.Text, "rights: admin") {
		t.Errorf("the log says %+v", last)
	}
	stranger := ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", 32)))
	for name, token := range map[string]string{
		"nothing":          "",
		"a stranger's key": make(stranger, "at+jwt", "app", time.Minute),
		"another type":     make(private, "JWT", "app", time.Minute),
		"another audience": make(private, "at+jwt", "other", time.Minute),
		"an expired one":   make(private, "at+jwt", "app", -time.Second),
	} {
		if status, _ := ask(token); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, status)
		}
	}
}
