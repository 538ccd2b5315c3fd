package e2e_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/testenv"
)

// keysOf reads an instance's JWK Set.
func keysOf(t *testing.T, b *testenv.BFFProcess) map[string]ed25519.PublicKey {
	t.Helper()
	a := testenv.NewClient(b).Fetch("GET", "/bff/jwks.json", "")
	var set struct{ Keys []struct{ Kid, X string } }
	if err := json.Unmarshal(a.Body, &set); err != nil {
		t.Fatalf("%d: %v", a.Status, err)
	}
	out := map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil {
			t.Fatal(err)
		}
		out[k.Kid] = x
	}
	return out
}

// signedBy reports whether one of the keys signed an assertion.
func signedBy(keys map[string]ed25519.PublicKey, token string) bool {
	part := strings.Split(token, ".")
	if len(part) != 3 {
		return false
	}
	var head struct{ Kid string }
	raw, _ := base64.RawURLEncoding.DecodeString(part[0])
	_ = json.Unmarshal(raw, &head)
	sig, err := base64.RawURLEncoding.DecodeString(part[2])
	key := keys[head.Kid]
	return err == nil && key != nil && ed25519.Verify(key, []byte(part[0]+"."+part[1]), sig)
}

// assertionFrom asks an instance, as a front proxy does; "" when it does not answer at the moment.
func assertionFrom(b *testenv.BFFProcess, client *http.Client, cookie string) (token string, status int) {
	r, err := http.NewRequest("GET", b.Admin+"/verify?audience=app", nil)
	if err != nil {
		return "", 0
	}
	r.Header.Set("Cookie", "bff="+cookie)
	resp, err := client.Do(r)
	if err != nil {
		return "", 0
	}
	_ = resp.Body.Close()
	return strings.TrimPrefix(resp.Header.Get("Authorization"), "Bearer "), resp.StatusCode
}

// The key ring turns over three instances, one by one and under load: first the new key comes second, then in front.
// A verifier that has fetched the keys once, before all that, refuses nothing, whichever instance signs; nobody is
// signed out.
func TestATurnOfTheKeysRefusesNoAssertion(t *testing.T) {
	r := build(t, parts{env: []string{"NEXT_KEY=" + testenv.NewKey(t)}})
	instances := []*testenv.BFFProcess{r.bff, r.bff.Another(), r.bff.Another()}
	r.c.SignIn("acme")
	cookie := r.c.Session()
	keys := keysOf(t, instances[1])
	text, err := os.ReadFile(r.bff.Config())
	if err != nil {
		t.Fatal(err)
	}
	var replaced [3]sync.RWMutex // held for writing while that instance is replaced
	var checked, refused, signedOut atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for i := range 3 {
		client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		load.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if !replaced[n%3].TryRLock() {
					continue // the others go on
				}
				token, status := assertionFrom(instances[n%3], client, cookie)
				replaced[n%3].RUnlock()
				switch {
				case status == http.StatusNoContent && signedBy(keys, token):
					checked.Add(1)
				case status == http.StatusNoContent:
					refused.Add(1)
				case status == http.StatusUnauthorized:
					signedOut.Add(1)
				}
			}
		})
	}
	for _, ring := range []string{"[env:BFF_KEY, env:NEXT_KEY]", "[env:NEXT_KEY, env:BFF_KEY]"} {
		changed := strings.Replace(string(text), "[env:BFF_KEY]", ring, 1)
		if err := os.WriteFile(r.bff.Config(), []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		for i, b := range instances {
			replaced[i].Lock()
			b.Term()
			b.Restart()
			replaced[i].Unlock()
			n := checked.Load()
			testenv.Eventually(t, "calls go on", func() bool { return checked.Load()+refused.Load() > n+30 })
		}
	}
	close(stop)
	testenv.Finished(t, "the load", load.Wait)
	if refused.Load() > 0 || signedOut.Load() > 0 || checked.Load() < 180 {
		t.Errorf(
			"%d assertions were accepted, %d refused; %d times signed out",
			checked.Load(),
			refused.Load(),
			signedOut.Load(),
		)
	}
	if now := keysOf(t, instances[2]); len(now) != 2 {
		t.Errorf("%d keys are published", len(now))
	}
}
