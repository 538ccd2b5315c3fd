-- Writes a connection over the version that is expected, '' for none. owner is "own", "kept", or "linked": kept, and
-- written through a session, which must live. pending is 1 where an intent to refresh stays.
-- pairs
-- keys: kept, intent
-- args: owner, id, expected, value, channel, message, pending, prefix, programs, item
local hash, at = kept, nil
if owner ~= 'kept' then
  at = live(pairs_n)
  if not at then return sure(gone, kept) end
end
if owner == 'own' then hash = KEYS[2*at] end
local was = redis.call('HGET', hash, id)
if version(was) == version(value) then return 1 end
if version(was) ~= expected then
  if was then return sure(conflict, kept) end
  return sure(gone, kept)
end
redis.call('HSET', hash, id, value)
if owner == 'own' then
  local left = redis.call('PTTL', KEYS[2*at-1])
  if left >= 0 then redis.call('PEXPIRE', hash, math.max(left, 1)) end
end
if pending ~= '1' then redis.call('DEL', intent) end
redis.call('PUBLISH', channel, message)
queue(prefix, programs, item)
return 1
