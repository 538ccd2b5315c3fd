package vault

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Job is a revocation that waits for its provider. It is sealed under the key ring alone: the session it came from is gone.
type Job struct {
	Payload  []byte
	Attempts int
	Created  time.Time

	id, user string
}

type jobRecord struct {
	Payload  []byte `cbor:"1,keyasint"`
	Attempts int    `cbor:"2,keyasint,omitempty"`
	Created  int64  `cbor:"3,keyasint"`
}

func (v *Vault) sealJob(j *Job) []byte {
	rec := jobRecord{Payload: j.Payload, Attempts: j.Attempts, Created: millis(j.Created)}
	return v.seal(seat{"job", j.user + "/" + j.id, nil}, encode(&rec))
}

// point says that a user's outbox is to be looked at.
func (v *Vault) point(ctx context.Context, user string, at time.Time) error {
	return v.fault(ctx, v.client.ZAdd(ctx, v.dueKey(), redis.Z{Score: float64(at.UnixMilli()), Member: user}).Err())
}

// DueJobs claims the due jobs of up to n users for lease, so that no other instance takes them meanwhile.
func (v *Vault) DueJobs(ctx context.Context, n int, lease time.Duration) ([]Job, error) {
	now := v.now()
	due := &redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(now.UnixMilli(), 10), Count: int64(n)}
	users, err := v.client.ZRangeByScore(ctx, v.dueKey(), due).Result()
	if err != nil {
		return nil, v.fault(ctx, err)
	}
	var jobs []Job
	for _, user := range users {
		until := now.Add(lease).UnixMilli()
		claimed, err := scriptClaim.Run(ctx, v.client, []string{v.dueKey()}, user, now.UnixMilli(), until).Int()
		if err != nil {
			return jobs, v.fault(ctx, err)
		}
		if claimed == 0 {
			continue
		}
		values, err := v.client.HGetAll(ctx, v.userKey(user, "o")).Result()
		if err != nil {
			return jobs, v.fault(ctx, err)
		}
		if len(values) == 0 { // all done; a newer pointer has another score and stays
			if err := scriptForget.Run(ctx, v.client, []string{v.dueKey()}, user, until).Err(); err != nil {
				return jobs, v.fault(ctx, err)
			}
		}
		for id, value := range values {
			if j, ok := v.openJob(user, id, value); ok {
				jobs = append(jobs, j)
			}
		}
	}
	return jobs, nil
}

func (v *Vault) openJob(user, id, value string) (Job, bool) {
	var rec jobRecord
	plain, err := v.open(seat{"job", user + "/" + id, nil}, []byte(value))
	if err != nil || decode(plain, &rec) != nil {
		v.cfg.Log.Warn("a revocation does not open: its key was removed from the ring, or it was tampered with")
		return Job{}, false
	}
	return Job{Payload: rec.Payload, Attempts: rec.Attempts, Created: fromMillis(rec.Created), id: id, user: user}, true
}

// JobDone removes a job.
func (v *Vault) JobDone(ctx context.Context, j Job) error {
	return v.fault(ctx, v.client.HDel(ctx, v.userKey(j.user, "o"), j.id).Err())
}

// JobRetry counts an attempt and has the user's jobs looked at again at the given time.
func (v *Vault) JobRetry(ctx context.Context, j Job, at time.Time) error {
	j.Attempts++
	if err := v.client.HSet(ctx, v.userKey(j.user, "o"), j.id, v.sealJob(&j)).Err(); err != nil {
		return v.fault(ctx, err)
	}
	return v.point(ctx, j.user, at)
}
