package vault

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// The rules of the scripts are:
//
//  1. All keys of a script carry one user's hash tag, so a script is atomic under Cluster too.
//  2. A write names the version it replaces. Finding its own version already there is success: go-redis may have run it twice.
//  3. What writes below a session first looks whether the session lives. Its keys come as pairs (session, connections), one pair for each key
//     of the ring, with their number in ARGV[1].
//  4. They answer done, gone or conflict.
//  5. Who takes no writes has no say: gone and conflict are answered after a write that changes nothing, which a server refuses that was the master
//     a moment ago. It is not the first thing a script does, since Redis asks for memory before a script's first write only.
const (
	done     = 1
	gone     = 0
	conflict = -1

	tombstone = "ended"
)

// bury ends a session's key. A store that is full has no room for a tombstone; then the key goes, which ends the session too.
const bury = `
local function bury(key, ms)
  local ok = redis.pcall('SET', key, 'ended', 'PX', ms)
  if type(ok) == 'table' and ok.err then redis.call('DEL', key) end
end
`

// prelude holds what the scripts share. A sealed value is longer than 60 bytes, a tombstone shorter; its first 16 bytes are its version.
const prelude = bury + `
local function live()
  for n = 1, tonumber(ARGV[1]) do
    local s = redis.call('GET', KEYS[2*n-1])
    if s and #s > 60 then return n, s end
  end
end
local function sure(answer)
  redis.call('HDEL', KEYS[tonumber(ARGV[1]) > 0 and 2 or 1], '')
  return answer
end
local function version(value) return value and string.sub(value, 1, 16) or '' end
local function atleast(key, ms)
  if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
end
local function prune(index, prefix)
  local all = redis.call('HGETALL', index)
  for j = 1, #all, 2 do
    if redis.call('STRLEN', prefix .. string.sub(all[j+1], 1, 22)) <= 60 then redis.call('HDEL', index, all[j]) end
  end
end
`

// scriptCreate: KEYS s,c… i; ARGV n, value, ttl, life of the index, session id, info, connection id or "", its value, prefix of the user's session keys.
// Every now and then it drops the index entries of sessions that expired: nobody else may ever look.
var scriptCreate = redis.NewScript(prelude + `
local n = tonumber(ARGV[1])
local index, was = KEYS[2*n+1], redis.call('GET', KEYS[1])
if was then
  if version(was) == version(ARGV[2]) then return 1 end
  return sure(0)
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if ARGV[7] ~= '' then
  redis.call('HSET', KEYS[2], ARGV[7], ARGV[8])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
redis.call('HSET', index, ARGV[5], ARGV[6])
atleast(index, ARGV[4])
if redis.call('HLEN', index) % 32 == 0 then prune(index, ARGV[9]) end
return 1
`)

// scriptTouch: KEYS s,c… i; ARGV n, expected version, value, ttl, session id, info. Moves the session to the first pair.
var scriptTouch = redis.NewScript(prelude + `
local n = tonumber(ARGV[1])
local index, at, was = KEYS[2*n+1], live()
if not at then return sure(0) end
if version(was) ~= ARGV[2] and version(was) ~= version(ARGV[3]) then return sure(-1) end
if at ~= 1 then
  redis.call('DEL', KEYS[2*at-1])
  if redis.call('EXISTS', KEYS[2*at]) == 1 then redis.call('RENAME', KEYS[2*at], KEYS[2]) end
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('HSET', index, ARGV[5], ARGV[6])
atleast(index, ARGV[4])
return 1
`)

// scriptEnd: KEYS s,c… i; ARGV n, tombstone's ttl, session id, channel, message.
var scriptEnd = redis.NewScript(prelude + `
local n = tonumber(ARGV[1])
local at = live()
for k = 1, n do
  if k == 1 or k == at then bury(KEYS[2*k-1], ARGV[2]) end
  redis.call('DEL', KEYS[2*k])
end
redis.call('HDEL', KEYS[2*n+1], ARGV[3])
if at then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return 1
`)

// scriptConnection: KEYS s,c… k intent; ARGV n, where ("own", "kept", or "linked": kept, written through a session), connection id,
// expected version or "", value, channel, message, 1 where an intent stays.
var scriptConnection = redis.NewScript(prelude + `
local n = tonumber(ARGV[1])
local hash, at = KEYS[2*n+1], nil
if ARGV[2] ~= 'kept' then
  at = live()
  if not at then return sure(0) end
end
if ARGV[2] == 'own' then hash = KEYS[2*at] end
local was = redis.call('HGET', hash, ARGV[3])
if version(was) == version(ARGV[5]) then return 1 end
if version(was) ~= ARGV[4] then
  if was then return sure(-1) end
  return sure(0)
end
redis.call('HSET', hash, ARGV[3], ARGV[5])
if ARGV[2] == 'own' then
  local left = redis.call('PTTL', KEYS[2*at-1])
  if left >= 0 then redis.call('PEXPIRE', hash, math.max(left, 1)) end
end
if ARGV[8] ~= '1' then redis.call('DEL', KEYS[2*n+2]) end
redis.call('PUBLISH', ARGV[6], ARGV[7])
return 1
`)

// scriptReseal: KEYS s,c… k intent lock; ARGV n, where ("own" or "kept"), connection id, expected version, value. The same content under another key: nobody
// is told, and while a refresh is under way or its answer is lost, nothing is done.
var scriptReseal = redis.NewScript(prelude + `
local n = tonumber(ARGV[1])
local at = live()
if not at then return sure(0) end
local hash = KEYS[2*n+1]
if ARGV[2] == 'own' then hash = KEYS[2*at] end
local was = redis.call('HGET', hash, ARGV[3])
if version(was) == version(ARGV[5]) then return 1 end
if version(was) ~= ARGV[4] or redis.call('EXISTS', KEYS[2*n+2], KEYS[2*n+3]) > 0 then return sure(-1) end
redis.call('HSET', hash, ARGV[3], ARGV[5])
return 1
`)

// scriptUnlink: KEYS s,c… k intent o; ARGV n, where ("own" or "kept"), connection id, expected version, job id, job or "", channel, message.
var scriptUnlink = redis.NewScript(prelude + `
local n = tonumber(ARGV[1])
local at = live()
if not at then return sure(0) end
local hash = KEYS[2*n+1]
if ARGV[2] == 'own' then hash = KEYS[2*at] end
local was = redis.call('HGET', hash, ARGV[3])
if not was then return 1 end
if version(was) ~= ARGV[4] then return sure(-1) end
if ARGV[6] ~= '' then redis.call('HSET', KEYS[2*n+3], ARGV[5], ARGV[6]) end
redis.call('HDEL', hash, ARGV[3])
redis.call('DEL', KEYS[2*n+2])
redis.call('PUBLISH', ARGV[7], ARGV[8])
return 1
`)

// scriptPreferences: KEYS s,c… p; ARGV n, expected version or "", value.
var scriptPreferences = redis.NewScript(prelude + `
local n = tonumber(ARGV[1])
if not live() then return sure(0) end
local was = redis.call('GET', KEYS[2*n+1])
if version(was) == version(ARGV[3]) then return 1 end
if version(was) ~= ARGV[2] then return sure(-1) end
redis.call('SET', KEYS[2*n+1], ARGV[3])
return 1
`)

// scriptList: KEYS i; ARGV prefix of the user's session keys. Drops the entries of sessions that do not live, and answers the others: session id, value, …
var scriptList = redis.NewScript(prelude + `
redis.call('HDEL', KEYS[1], '')
prune(KEYS[1], ARGV[1])
return redis.call('HGETALL', KEYS[1])
`)

// scriptEndListed: KEYS i k p; ARGV prefix of the user's keys, which ("one", "others", "all", "erase"), session id, tombstone's ttl, channel, and the
// message before and after a session's id. Answers how many it ended.
var scriptEndListed = redis.NewScript(bury + `
redis.call('HDEL', KEYS[1], '')
local n, all = 0, redis.call('HGETALL', KEYS[1])
for j = 1, #all, 2 do
  local sid, loc = all[j], string.sub(all[j+1], 1, 22)
  if ARGV[2] == 'all' or ARGV[2] == 'erase' or (ARGV[2] == 'one') == (sid == ARGV[3]) then
    local key = ARGV[1] .. 's:' .. loc
    if redis.call('STRLEN', key) > 60 then
      n = n + 1
      bury(key, ARGV[4])
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
var scriptRemember = redis.NewScript(prelude + `
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
atleast(KEYS[1], ARGV[3])
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

// scriptIntent: KEYS intent lock; ARGV owner, value. Answers false when the lock is not the owner's, else the intent that stood there before. It is kept
// behind the new one, for a script that runs twice.
var scriptIntent = redis.NewScript(`
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return false end
local was, size = redis.call('GET', KEYS[1]) or '', #ARGV[2]
if string.sub(was, 1, size) == ARGV[2] then return string.sub(was, size + 1) end
was = string.sub(was, 1, size)
redis.call('SET', KEYS[1], ARGV[2] .. was, 'PX', 86400000)
return was
`)

// scriptTake: KEYS key; ARGV value, taker. Of those who know the value one wins. Its name stands there for a while, for a script that runs twice.
var scriptTake = redis.NewScript(`
local was = redis.call('GET', KEYS[1])
if was == ARGV[2] then return 1 end
if was ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', 10000)
return 1
`)

// run runs a script that answers done, gone or conflict.
func (v *Vault) run(ctx context.Context, s *redis.Script, keys []string, args ...any) error {
	defer v.cache.drop(v.userOf(keys[0]))
	n, err := s.Run(ctx, v.client, keys, args...).Int()
	return v.answer(ctx, n, err)
}

func (v *Vault) answer(ctx context.Context, n int, err error) error {
	switch {
	case err != nil:
		return v.fault(ctx, err)
	case n == done:
		return nil
	case n == conflict:
		return ErrConflict
	}
	return ErrNotFound
}

// ms is a time to live as Redis takes it.
func ms(d time.Duration) string { return strconv.FormatInt(max(d.Milliseconds(), 1), 10) }
