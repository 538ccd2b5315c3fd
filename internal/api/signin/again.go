package signin

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"bff/internal/api/route"
	"bff/internal/secret"
)

const (
	outcomeLife = time.Minute
	outcomePoll = 100 * time.Millisecond
	outcomeWait = 20 * time.Second // for a first callback that is still at work
)

// An outcome is where a callback led. A callback that comes again, as service workers and back buttons send it, is
// led there too if its browser still shows the attempt's cookie, or the session that was made. The code is redeemed
// once.
type outcome struct {
	To      string `json:"t"`
	Opener  string `json:"o"`           // a digest of the attempt's opener
	Session string `json:"s,omitempty"` // the id of the session that was made, or linked to
}

// settled keeps the outcome of an attempt. Without it a second callback is login_expired, so a store that fails is no
// error.
func (k *attempts) settled(c *route.Call, state string, a *attempt, session, to string) {
	payload, err := json.Marshal(outcome{To: to, Opener: openerDigest(a.opener), Session: session})
	if err != nil || a.opener == "" {
		return
	}
	_ = k.vault.Attempts.SetOutcome(c.Ctx(), state, payload, outcomeLife)
}

// again finds where the first callback of this state led, and waits for one that is at work. ok is false when there
// was none, or when nothing says that this is its browser. opener is what the browser shows of the attempt.
func (k *attempts) again(c *route.Call, state, opener string) (to string, ok bool) {
	late := time.NewTimer(outcomeWait)
	defer late.Stop()
	for {
		payload, pending, err := k.vault.Attempts.Outcome(c.Ctx(), state)
		if err != nil {
			return "", false
		}
		if payload != nil {
			var o outcome
			if json.Unmarshal(payload, &o) != nil || !k.shows(c, &o, opener) {
				return "", false
			}
			return o.To, true
		}
		if !pending || opener == "" {
			return "", false
		}
		select {
		case <-time.After(outcomePoll):
		case <-late.C:
			return "", false
		case <-c.Ctx().Done():
			return "", false
		}
	}
}

// shows says whether the request is of the browser that the outcome is for.
func (k *attempts) shows(c *route.Call, o *outcome, opener string) bool {
	if opener != "" && secret.New(openerDigest(opener)).Equal(secret.New(o.Opener)) {
		return true
	}
	if o.Session == "" {
		return false
	}
	session, err := k.vault.Sessions.LoadAt(c.R, c.Front.Vault())
	return err == nil && session.ID == o.Session
}

func openerDigest(opener string) string {
	sum := sha256.Sum256([]byte("bff outcome v1 " + opener))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
