package vault

import (
	"context"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// The rules of the scripts are:
//
//  1. All keys of a script carry one user's hash tag, so a script is atomic under Cluster too.
//  2. A write names the version it replaces. Finding its own version already there is success: go-redis may have run it twice.
//  3. What writes below a session first looks whether the session lives. Its keys come as pairs (session, connections), one pair for each key
//     of the ring, with their number in ARGV[1].
//  4. They answer done, gone or conflict.
const (
	done     = 1
	gone     = 0
	conflict = -1

	tombstone = "ended"
)

const findLive = `
local function live()
  for n = 1, tonumber(ARGV[1]) do
    local s = redis.call('GET', KEYS[2*n-1])
    if s and #s > 60 then return n, s end
  end
end
local function atleast(key, ms)
  if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
end
`

// scriptCreate: KEYS s,c… i; ARGV n, value, ttl, lifetime, session id, info, connection id or "", its value.
var scriptCreate = redis.NewScript(findLive + `
local n = tonumber(ARGV[1])
local was = redis.call('GET', KEYS[1])
if was then
  if string.sub(was, 1, 16) == string.sub(ARGV[2], 1, 16) then return 1 end
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if ARGV[7] ~= '' then
  redis.call('HSET', KEYS[2], ARGV[7], ARGV[8])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
redis.call('HSET', KEYS[2*n+1], ARGV[5], ARGV[6])
atleast(KEYS[2*n+1], ARGV[4])
return 1
`)

// scriptTouch: KEYS s,c… i; ARGV n, expected version, value, ttl, session id, info. Moves the session to the first pair.
var scriptTouch = redis.NewScript(findLive + `
local n = tonumber(ARGV[1])
local at, was = live()
if not at then return 0 end
local have = string.sub(was, 1, 16)
if have ~= ARGV[2] and have ~= string.sub(ARGV[3], 1, 16) then return -1 end
if at ~= 1 then
  redis.call('DEL', KEYS[2*at-1])
  if redis.call('EXISTS', KEYS[2*at]) == 1 then redis.call('RENAME', KEYS[2*at], KEYS[2]) end
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('HSET', KEYS[2*n+1], ARGV[5], ARGV[6])
return 1
`)

// scriptEnd: KEYS s,c… i; ARGV n, tombstone's ttl, session id, channel, message.
var scriptEnd = redis.NewScript(findLive + `
local n = tonumber(ARGV[1])
local at = live()
for k = 1, n do
  if k == 1 or k == at then redis.call('SET', KEYS[2*k-1], 'ended', 'PX', ARGV[2]) end
  redis.call('DEL', KEYS[2*k])
end
redis.call('HDEL', KEYS[2*n+1], ARGV[3])
if at then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
`)

// scriptConnection: KEYS s,c… k intent; ARGV n, where ("own", "kept", or "linked": kept, written through a session), connection id,
// expected version or "", value, channel, message.
var scriptConnection = redis.NewScript(findLive + `
local n = tonumber(ARGV[1])
local hash, at, s = KEYS[2*n+1], nil, nil
if ARGV[2] ~= 'kept' then
  at, s = live()
  if not at then return 0 end
end
if ARGV[2] == 'own' then hash = KEYS[2*at] end
local was = redis.call('HGET', hash, ARGV[3])
local new = string.sub(ARGV[5], 1, 16)
local have = was and string.sub(was, 1, 16) or ''
if have == new then return 1 end
if have ~= ARGV[4] then
  if was then return -1 end
  return 0
end
redis.call('HSET', hash, ARGV[3], ARGV[5])
if ARGV[2] == 'own' then redis.call('PEXPIRE', hash, redis.call('PTTL', KEYS[2*at-1])) end
redis.call('DEL', KEYS[2*n+2])
redis.call('PUBLISH', ARGV[6], ARGV[7])
return 1
`)

// scriptUnlink: KEYS s,c… k o; ARGV n, connection id, job id, job or "", channel, message.
var scriptUnlink = redis.NewScript(findLive + `
local n = tonumber(ARGV[1])
local at = live()
if not at then return 0 end
if redis.call('HDEL', KEYS[2*at], ARGV[2]) + redis.call('HDEL', KEYS[2*n+1], ARGV[2]) == 0 then
  return redis.call('HEXISTS', KEYS[2*n+2], ARGV[3])
end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2*n+2], ARGV[3], ARGV[4]) end
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
`)

// scriptPreferences: KEYS s,c… p; ARGV n, expected version or "", value.
var scriptPreferences = redis.NewScript(findLive + `
local n = tonumber(ARGV[1])
if not live() then return 0 end
local was = redis.call('GET', KEYS[2*n+1])
local have = was and string.sub(was, 1, 16) or ''
if have == string.sub(ARGV[3], 1, 16) then return 1 end
if have ~= ARGV[2] then return -1 end
redis.call('SET', KEYS[2*n+1], ARGV[3])
return 1
`)

// scriptList: KEYS i; ARGV prefix of the user's keys. Answers session id, value, … of those that live, and drops the others.
var scriptList = redis.NewScript(`
local all, out = redis.call('HGETALL', KEYS[1]), {}
for j = 1, #all, 2 do
  local loc = string.sub(all[j+1], 1, 22)
  if redis.call('STRLEN', ARGV[1] .. 's:' .. loc) > 60 then
    out[#out+1] = all[j]
    out[#out+1] = all[j+1]
  else
    redis.call('HDEL', KEYS[1], all[j])
  end
end
return out
`)

// scriptEndListed: KEYS i k p; ARGV prefix of the user's keys, which ("one", "others", "all", "erase"), session id, tombstone's ttl, channel, and the
// message before and after a session's id. Answers how many it ended.
var scriptEndListed = redis.NewScript(`
local n, all = 0, redis.call('HGETALL', KEYS[1])
for j = 1, #all, 2 do
  local sid, loc = all[j], string.sub(all[j+1], 1, 22)
  if ARGV[2] == 'all' or ARGV[2] == 'erase' or (ARGV[2] == 'one') == (sid == ARGV[3]) then
    local key = ARGV[1] .. 's:' .. loc
    if redis.call('STRLEN', key) > 60 then
      n = n + 1
      redis.call('SET', key, 'ended', 'PX', ARGV[4])
      redis.call('PUBLISH', ARGV[5], ARGV[6] .. sid .. ARGV[7])
    end
    redis.call('DEL', ARGV[1] .. 'c:' .. loc)
    redis.call('HDEL', KEYS[1], sid)
  end
end
if ARGV[2] == 'erase' then redis.call('DEL', KEYS[2], KEYS[3]) end
return n
`)

// scriptRemember: KEYS handle; ARGV session id, value, ttl.
var scriptRemember = redis.NewScript(`
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
`)

// scriptRenew: KEYS lock; ARGV owner, lease. scriptRelease: KEYS lock; ARGV owner, channel, message.
var (
	scriptRenew = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
`)
	scriptRelease = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1
`)
)

// scriptIntent: KEYS intent lock; ARGV owner, value. Answers false when the lock is not the owner's, else what stood there before.
var scriptIntent = redis.NewScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return false end
local was = redis.call('GET', KEYS[1]) or ''
redis.call('SET', KEYS[1], ARGV[2], 'PX', 86400000)
return was
`)

// scriptTake: KEYS key; ARGV value. Deletes the key if it still holds the value: one winner.
var scriptTake = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`)

// scriptClaim: KEYS due; ARGV user, now, until. scriptForget: KEYS due; ARGV user, until.
var (
	scriptClaim = redis.NewScript(`
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) > tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
`)
	scriptForget = redis.NewScript(`
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or -1) ~= tonumber(ARGV[2]) then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
`)
)

// run runs a script that answers done, gone or conflict.
func (v *Vault) run(ctx context.Context, s *redis.Script, keys []string, args ...any) error {
	return v.runOn(ctx, v.client, s, keys, args...)
}

func (v *Vault) runOn(ctx context.Context, on redis.Scripter, s *redis.Script, keys []string, args ...any) error {
	n, err := s.Run(ctx, on, keys, args...).Int()
	if err != nil {
		return v.fault(ctx, err)
	}
	switch n {
	case done:
		return nil
	case conflict:
		return ErrConflict
	}
	return ErrNotFound
}

func ms(d int64) string { return strconv.FormatInt(max(d, 1), 10) }
