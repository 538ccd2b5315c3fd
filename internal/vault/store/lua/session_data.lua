-- Writes what a service keeps beside a session, which must live.
-- keys: index, data
-- args: prefix, id, client, expected, value, life
local entry = redis.call('HGET', index, id)
if not entry or not alive(prefix, entry) then return sure(gone, index) end
local was = redis.call('HGET', data, client)
if version(was) == version(value) then return 1 end
if version(was) ~= expected then return sure(conflict, index) end
redis.call('HSET', data, client, value)
redis.call('PEXPIRE', data, life)
return 1
