package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"bff/internal/secret"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// A Job is a revocation that waits for its provider. It is sealed under the key ring alone: the session it came from is
// gone.
type Job struct {
	Payload  []byte
	Attempts int
	Created  time.Time

	id, tag string
	due     time.Time
}

type jobRecord struct {
	Payload  []byte `cbor:"1,keyasint"`
	Attempts int    `cbor:"2,keyasint,omitempty"`
	Created  int64  `cbor:"3,keyasint"`
	Due      int64  `cbor:"4,keyasint,omitempty"`
}

// A job prints nothing of its payload: that holds the token to revoke.
func (Job) String() string             { return secret.Redacted }
func (Job) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Redacted) }
func (Job) LogValue() slog.Value       { return slog.StringValue(secret.Redacted) }

// Outbox keeps revocations until their provider confirms them.
type Outbox struct{ *core }

// The due set names the users with jobs, each at the time of the first of them or before: a pointer to an empty outbox
// is harmless, a job without a pointer is lost. So everybody may move one to an earlier time, and only who claimed it
// to a later one, while it stands where the claim put it.

func (v *Outbox) due() string { return v.db.Global("o") }

func jobBinding(tag, id string) seal.Binding { return seal.Binding{Kind: "job", Owner: tag + "/" + id} }

func (v *Outbox) seal(j *Job) []byte {
	rec := jobRecord{Payload: j.Payload, Attempts: j.Attempts, Created: millis(j.Created), Due: millis(j.due)}
	return v.ring().Seal(jobBinding(j.tag, j.id), encode(&rec))
}

// point has a user's outbox looked at, at the given time at the latest.
func (v *Outbox) point(ctx context.Context, tag string, at time.Time) error {
	return v.db.Lower(ctx, v.due(), v.db.Member(tag), float64(at.UnixMilli()))
}

// pointAhead puts the pointer for a job that is about to be written: soon, and at half a millisecond, where no claim
// stands.
func (v *Outbox) pointAhead(ctx context.Context, tag string) error {
	return v.db.Score(ctx, v.due(), v.db.Member(tag), float64(v.now().Add(10*time.Second).UnixMilli())+0.5)
}

// Due claims the due jobs of up to n users for lease, so that no other instance takes them meanwhile.
func (v *Outbox) Due(ctx context.Context, n int, lease time.Duration) ([]Job, error) {
	now := v.now()
	tags, err := v.db.Until(ctx, v.due(), unixMilli(now), n)
	if err != nil {
		return nil, err
	}
	var jobs []Job
	for _, member := range tags {
		claimed, err := v.claim(ctx, v.db.MemberOf(member), now, now.Add(lease))
		if jobs = append(jobs, claimed...); err != nil {
			return jobs, err
		}
	}
	return jobs, nil
}

// claim claims one user's jobs that are due now. Where none is, the pointer goes to the first that will be.
func (v *Outbox) claim(ctx context.Context, tag string, now, until time.Time) ([]Job, error) {
	_, err := v.db.Run(ctx, store.Call{Script: "claim_due", Keys: store.Keys{"due": v.due()},
		Args: store.Args{"member": v.db.Member(tag), "now": now.UnixMilli(), "until_ms": until.UnixMilli()}})
	if errors.Is(err, ErrNotFound) {
		return nil, nil // somebody else's
	}
	if err != nil {
		return nil, err
	}
	values, err := v.db.All(ctx, v.userKey(tag, "o"))
	if err != nil {
		return nil, err
	}
	var jobs []Job
	next := now.Add(unopenedWait)
	for id, value := range values {
		j, ok := v.open(tag, id, value)
		switch {
		case !ok:
		case !j.due.After(now):
			jobs = append(jobs, j)
		default:
			next = earlier(next, j.due)
		}
	}
	if len(jobs) > 0 {
		return jobs, nil // the pointer comes back when the lease is over
	}
	settle := ""
	if len(values) > 0 {
		settle = unixMilli(next)
	}
	_, err = v.db.CountDurably(ctx, store.Call{Script: "settle_due", Keys: store.Keys{"due": v.due()},
		Args: store.Args{"member": v.db.Member(tag), "until_ms": until.UnixMilli(), "next_ms": settle}})
	return nil, err
}

func unixMilli(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// unopenedWait is how often jobs that do not open are looked at: their key may come back to the ring.
const unopenedWait = time.Hour

func (v *Outbox) open(tag, id, value string) (Job, bool) {
	var rec jobRecord
	plain, err := v.ring().Open(jobBinding(tag, id), []byte(value))
	if err != nil || decode(plain, &rec) != nil {
		v.db.Warn("a revocation does not open: its key was removed from the ring, or it was tampered with")
		return Job{}, false
	}
	return Job{Payload: rec.Payload, Attempts: rec.Attempts, Created: fromMillis(rec.Created), due: fromMillis(rec.Due),
		id: id, tag: tag}, true
}

// Done removes a job.
func (v *Outbox) Done(ctx context.Context, j Job) error {
	return v.db.DeleteFields(ctx, v.userKey(j.tag, "o"), j.id)
}

// Retry counts an attempt and has the job looked at again at the given time.
func (v *Outbox) Retry(ctx context.Context, j Job, at time.Time) error {
	j.Attempts++
	j.due = at
	_, err := v.db.Run(ctx, store.Call{Script: "retry", Keys: store.Keys{"outbox": v.userKey(j.tag, "o")},
		Args: store.Args{"id": j.id, "value": v.seal(&j)}})
	if err != nil {
		return err
	}
	return v.point(ctx, j.tag, at)
}
