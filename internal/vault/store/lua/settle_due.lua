-- Moves or removes ('') a pointer that still stands where the claim put it.
-- keys: due
-- args: member, until_ms, next_ms
if tonumber(redis.call('ZSCORE', due, member) or -1) ~= tonumber(until_ms) then return 0 end
if next_ms == '' then return redis.call('ZREM', due, member) end
redis.call('ZADD', due, next_ms, member)
return 1
