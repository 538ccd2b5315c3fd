-- Writes the same connection sealed under another key: nothing is announced, and while a refresh is under way or its
-- answer is lost, nothing is done. owner is "own" or "kept", or "user": kept, and no session does it.
-- pairs
-- keys: kept, intent, lock
-- args: owner, id, expected, value
local at = owner == 'user' or live(pairs_n)
if not at then return sure(gone, kept) end
local hash = kept
if owner == 'own' then hash = KEYS[2*at] end
local was = redis.call('HGET', hash, id)
if version(was) == version(value) then return 1 end
if version(was) ~= expected or redis.call('EXISTS', intent, lock) > 0 then return sure(conflict, kept) end
redis.call('HSET', hash, id, value)
return 1
