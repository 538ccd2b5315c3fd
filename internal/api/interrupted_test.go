package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// An order is a one-time token that a provider sends: how it is posted, the kind of its id, and the status of one that
// is carried out.
type order struct {
	post   func(w *world, token string) *http.Response
	kind   string
	status int
}

// interrupted sends an order whose id the store still takes and whose work it does not, and then the same one again:
// it is refused for now while another instance has claimed it, and it is accepted as soon as its work can be done.
func (o order) interrupted(t *testing.T, token func(w *world) string) {
	t.Helper()
	store := testenv.Redis(t)
	may := func(keys string) {
		t.Helper()
		if err := store.Client().Do(t.Context(), "ACL", "SETUSER", "bff", "resetkeys", keys).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Client().Do(t.Context(), "ACL", "SETUSER", "bff", "on", ">pw", "~*", "&*", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(s *settings) { s.store = "redis://bff:pw@" + store.Addr + "/0" })
	b := w.browser()
	b.signIn("ada")
	raw := token(w)
	later := func(what string) {
		t.Helper()
		resp := o.post(w, raw)
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", what, resp.StatusCode, text(resp))
		}
	}
	other, state, err := w.vault.Attempts.Claim(t.Context(), o.kind, tokenID(t, raw))
	if err != nil || state != vault.ClaimHeld {
		t.Fatal(state, err)
	}
	later("while another instance carries it out")
	if err := other.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	may("~bff:x:*") // the ids of tokens, and nothing else
	later("the store failed between the claim and the work")
	later("the same again")
	may("~*")
	if resp := o.post(w, raw); resp.StatusCode != o.status {
		t.Errorf("the store is back: %d %s", resp.StatusCode, text(resp))
	}
	if b.session()["authenticated"] == true {
		t.Error("the session lives")
	}
}

// tokenID is the jti of a token.
func tokenID(t *testing.T, raw string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		ID string `json:"jti"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.ID == "" {
		t.Fatalf("%s: %v", payload, err)
	}
	return claims.ID
}
