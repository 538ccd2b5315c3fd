package vault

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/secret"
)

// A Job is a revocation that waits for its provider. It is sealed under the key ring alone: the session it came from is gone.
type Job struct {
	Payload  []byte
	Attempts int
	Created  time.Time

	id, user string
	due      time.Time
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

// The due set names the users with jobs, each at the time of the first of them or before: a pointer to an empty outbox is harmless, a job without a
// pointer is lost. So everybody may move one to an earlier time, and only who claimed it to a later one, while it stands where the claim put it.

// scriptClaim: KEYS due; ARGV user, now, until. scriptSettle: KEYS due; ARGV user, until, when next or "".
var (
	scriptClaim = redis.NewScript(`
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) > tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
`)
	scriptSettle = redis.NewScript(`
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or -1) ~= tonumber(ARGV[2]) then return 0 end
if ARGV[3] == '' then return redis.call('ZREM', KEYS[1], ARGV[1]) end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
`)
)

// scriptRetry: KEYS o; ARGV job id, job. A job that somebody else has done stays done.
var scriptRetry = redis.NewScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 1
`)

func (v *Vault) sealJob(j *Job) []byte {
	rec := jobRecord{Payload: j.Payload, Attempts: j.Attempts, Created: millis(j.Created), Due: millis(j.due)}
	return v.seal(seat{"job", j.user + "/" + j.id, nil}, encode(&rec))
}

// point has a user's outbox looked at, at the given time at the latest.
func (v *Vault) point(ctx context.Context, user string, at time.Time) error {
	args := redis.ZAddArgs{LT: true, Members: []redis.Z{{Score: float64(at.UnixMilli()), Member: user}}}
	return v.fault(ctx, v.client.ZAddArgs(ctx, v.dueKey(), args).Err())
}

// pointAhead puts the pointer for a job that is about to be written: soon, and at half a millisecond, where no claim stands.
func (v *Vault) pointAhead(ctx context.Context, user string) error {
	at := float64(v.now().Add(10*time.Second).UnixMilli()) + 0.5
	return v.fault(ctx, v.client.ZAdd(ctx, v.dueKey(), redis.Z{Score: at, Member: user}).Err())
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
		claimed, err := v.claimJobs(ctx, user, now, now.Add(lease))
		if jobs = append(jobs, claimed...); err != nil {
			return jobs, err
		}
	}
	return jobs, nil
}

// claimJobs claims one user's jobs that are due now. Where none is, the pointer goes to the first that will be.
func (v *Vault) claimJobs(ctx context.Context, user string, now, until time.Time) ([]Job, error) {
	claimed, err := scriptClaim.Run(ctx, v.client, []string{v.dueKey()}, user, now.UnixMilli(), until.UnixMilli()).Int()
	if err != nil || claimed == 0 {
		return nil, v.fault(ctx, err)
	}
	values, err := v.client.HGetAll(ctx, v.userKey(user, "o")).Result()
	if err != nil {
		return nil, v.fault(ctx, err)
	}
	var jobs []Job
	next := now.Add(unopenedWait)
	for id, value := range values {
		j, ok := v.openJob(user, id, value)
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
		settle = strconv.FormatInt(next.UnixMilli(), 10)
	}
	return nil, v.fault(ctx, scriptSettle.Run(ctx, v.client, []string{v.dueKey()}, user, until.UnixMilli(), settle).Err())
}

// unopenedWait is how often jobs that do not open are looked at: their key may come back to the ring.
const unopenedWait = time.Hour

func (v *Vault) openJob(user, id, value string) (Job, bool) {
	var rec jobRecord
	plain, err := v.open(seat{"job", user + "/" + id, nil}, []byte(value))
	if err != nil || decode(plain, &rec) != nil {
		v.warn("a revocation does not open: its key was removed from the ring, or it was tampered with")
		return Job{}, false
	}
	return Job{Payload: rec.Payload, Attempts: rec.Attempts, Created: fromMillis(rec.Created), due: fromMillis(rec.Due), id: id, user: user}, true
}

// JobDone removes a job.
func (v *Vault) JobDone(ctx context.Context, j Job) error {
	return v.fault(ctx, v.client.HDel(ctx, v.userKey(j.user, "o"), j.id).Err())
}

// JobRetry counts an attempt and has the job looked at again at the given time.
func (v *Vault) JobRetry(ctx context.Context, j Job, at time.Time) error {
	j.Attempts++
	j.due = at
	if err := v.run(ctx, scriptRetry, []string{v.userKey(j.user, "o")}, j.id, v.sealJob(&j)); err != nil {
		return err
	}
	return v.point(ctx, j.user, at)
}
