-- Gives a lock another lease, if it is still the owner's.
-- keys: lock
-- args: owner, lease
if redis.call('GET', lock) ~= owner then return gone end
redis.call('PEXPIRE', lock, lease)
return 1
