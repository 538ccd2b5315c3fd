-- Writes an intent under a lock. Answers false when the lock is not the owner's, else the intent that stood there
-- before. That is kept behind the new one, for a script that runs twice.
-- keys: intent, lock
-- args: owner, value
if redis.call('GET', lock) ~= owner then return false end
local was, size = redis.call('GET', intent) or '', #value
if string.sub(was, 1, size) == value then return string.sub(was, size + 1) end
was = string.sub(was, 1, size)
redis.call('SET', intent, value .. was, 'PX', 86400000)
return was
