-- Writes the first of a user's events again, if it is this one.
-- keys: queue, lock
-- args: owner, item, next
if redis.call('LINDEX', queue, 0) == item then redis.call('LSET', queue, 0, next) end
if redis.call('GET', lock) == owner then redis.call('DEL', lock) end
return 1
