-- Writes preferences over the version that is expected, '' for none. message is '' where nothing is announced.
-- pairs
-- keys: preferences
-- args: expected, value, channel, message
if not live(pairs_n) then return sure(gone, KEYS[2]) end
local was = redis.call('GET', preferences)
if version(was) == version(value) then return 1 end
if version(was) ~= expected then return sure(conflict, KEYS[2]) end
redis.call('SET', preferences, value)
if message ~= '' then redis.call('PUBLISH', channel, message) end
return 1
