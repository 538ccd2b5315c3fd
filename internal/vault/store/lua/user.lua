-- Writes a user's record over the version that is expected, '' for none, and what the hook said: '' leaves it, '-' takes
-- it away. An erased user stays erased: nobody expects the version that "erased" has.
-- keys: user, hook
-- args: expected, value, hook_value, channel, message, prefix, programs, item
local was = redis.call('GET', user)
if version(was) == version(value) then return 1 end
if version(was) ~= expected then return sure(conflict, prefix .. 'i') end
redis.call('SET', user, value)
if hook_value == '-' then redis.call('DEL', hook) elseif hook_value ~= '' then redis.call('SET', hook, hook_value) end
if message ~= '' then redis.call('PUBLISH', channel, message) end
queue(prefix, programs, item)
return 1
