-- Writes a value over the one that is expected; '' is none.
-- keys: key
-- args: expected, value
local was = redis.call('GET', key) or ''
if was == value then return 1 end
if was ~= expected then
  redis.call('SETRANGE', key, 0, '') -- a write that changes nothing
  return conflict
end
if value == '' then redis.call('DEL', key) else redis.call('SET', key, value) end
return 1
