package testenv_test

import (
	"net/url"
	"testing"

	"bff/internal/testenv"
)

func TestOIDCProviderListens(t *testing.T) {
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	if u, err := url.Parse(op.Issuer); err != nil || u.Hostname() != "localhost" {
		t.Fatalf("issuer %q", op.Issuer)
	}
	op.Register("acme", "http://127.0.0.1:1")
	op.Trouble(testenv.Trouble{Status: 503})
	op.Heal()
	if c := op.Counts(); c.Token != 0 {
		t.Fatalf("%+v", c)
	}
	if _, _, ok := op.Check("nonsense"); ok {
		t.Fatal("a token nobody issued is good")
	}
}
