-- Deletes a lock, if it is still the owner's. message is '' where nothing is announced.
-- keys: lock
-- args: owner, channel, message
if redis.call('GET', lock) ~= owner then return gone end
redis.call('DEL', lock)
if message ~= '' then redis.call('PUBLISH', channel, message) end
return 1
