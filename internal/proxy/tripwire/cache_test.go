package tripwire_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"bff/internal/proxy/tripwire"
	"bff/internal/secret"
)

func TestCallsOfASessionShareOneSet(t *testing.T) {
	var c tripwire.Cache
	one := c.Get(secret.New(token), secret.New(refresh))
	if c.Get(secret.New(token), secret.New(refresh)) != one {
		t.Error("the same secrets made another Set")
	}
	other := c.Get(secret.New(refresh), secret.New(token[:40]))
	if other == one || !other.In(token[:40]) || other.In(token[20:]) || !one.In(token) {
		t.Error("other secrets got the same Set")
	}
	if c.Get() != nil || c.Get(secret.New("short")) != nil {
		t.Error("a Set of nothing")
	}
}

func TestSetsOfManySessionsAreBounded(t *testing.T) {
	var c tripwire.Cache
	for i := range 5000 {
		c.Get(secret.New(fmt.Sprintf("a-token-of-some-length-%06d", i)))
	}
	if n := c.Len(); n > 2048 {
		t.Errorf("%d Sets are kept", n)
	}
}

func TestASetThatIsNotUsedIsForgottenWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c tripwire.Cache
		c.Get(secret.New(token))
		used := c.Get(secret.New(refresh))
		for range 10 {
			<-time.After(20 * time.Second)
			if c.Get(secret.New(refresh)) != used {
				t.Fatal("a Set in use was forgotten")
			}
		}
		if c.Len() != 1 {
			t.Errorf("%d Sets are kept", c.Len())
		}
		<-time.After(61 * time.Second)
		if c.Len() != 0 {
			t.Errorf("%d Sets are kept of sessions that call no more", c.Len())
		}
	})
}
