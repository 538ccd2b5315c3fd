-- Removes a connection and puts its revocation into the outbox, '' for none. owner is "own", "kept" (through a session,
-- which must live), or "user": kept, without a session.
-- pairs
-- keys: kept, intent, outbox
-- args: owner, id, expected, job, job_value, channel, message, prefix, programs, item
local hash = kept
if owner ~= 'user' then
  local at = live(pairs_n)
  if not at then return sure(gone, kept) end
  if owner == 'own' then hash = KEYS[2*at] end
end
local was = redis.call('HGET', hash, id)
if not was then return 1 end
if version(was) ~= expected then return sure(conflict, kept) end
if job_value ~= '' then redis.call('HSET', outbox, job, job_value) end
redis.call('HDEL', hash, id)
redis.call('DEL', intent)
redis.call('PUBLISH', channel, message)
queue(prefix, programs, item)
return 1
