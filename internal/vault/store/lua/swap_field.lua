-- Writes a field of a hash over the value that is expected; '' is none.
-- keys: hash
-- args: field, expected, value
local was = redis.call('HGET', hash, field) or ''
if was == value then return 1 end
if was ~= expected then return sure(conflict, hash) end
if value == '' then redis.call('HDEL', hash, field) else redis.call('HSET', hash, field, value) end
return 1
