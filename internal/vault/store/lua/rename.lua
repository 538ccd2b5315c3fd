-- Gives a member of a sorted set another name; where both are there, the earlier time counts.
-- keys: set
-- args: member, name
local at = redis.call('ZSCORE', set, member)
if not at then return 0 end
redis.call('ZADD', set, 'LT', at, name)
redis.call('ZREM', set, member)
return 1
