-- Marks a claimed id as done, unless somebody else has claimed it since.
-- keys: key
-- args: owner, keep
local was = redis.call('GET', key)
if was and was ~= owner and was ~= 'done' then return gone end
redis.call('SET', key, 'done', 'PX', keep)
return 1
