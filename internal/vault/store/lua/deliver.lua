-- Takes the first of a user's events for as long as the lease. Answers it, nothing where none waits, or '' where somebody
-- else has it.
-- keys: queue, lock
-- args: owner, lease
local holder = redis.call('GET', lock)
if holder and holder ~= owner then return {''} end
local first = redis.call('LINDEX', queue, 0)
if not first then return {} end
redis.call('SET', lock, owner, 'PX', lease)
return {first}
