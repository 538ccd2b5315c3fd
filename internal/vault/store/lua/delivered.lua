-- Removes the first of a user's events, if it is this one. Answers how many wait.
-- keys: queue, lock
-- args: owner, item
if redis.call('LINDEX', queue, 0) == item then redis.call('LPOP', queue) end
if redis.call('GET', lock) == owner then redis.call('DEL', lock) end
return redis.call('LLEN', queue)
