-- Moves the pointer of a member that is due, so that no other instance takes it meanwhile.
-- keys: due
-- args: member, now, until_ms
local at = redis.call('ZSCORE', due, member)
if not at or tonumber(at) > tonumber(now) then return gone end
redis.call('ZADD', due, until_ms, member)
return 1
