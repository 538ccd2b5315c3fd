-- Writes what a service keeps beside a user, over the version that is expected, '' for none.
-- keys: user, data
-- args: client, expected, value
if redis.call('STRLEN', user) <= 60 then return sure(gone, data) end
local was = redis.call('HGET', data, client)
if version(was) == version(value) then return 1 end
if version(was) ~= expected then return sure(conflict, data) end
redis.call('HSET', data, client, value)
return 1
