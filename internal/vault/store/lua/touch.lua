-- Slides a session's idle time, and moves it to the first pair. Notes when its user was seen, where one is registered.
-- pairs
-- keys: index, user, seen
-- args: expected, value, ttl, id, info, index_life, seen_value
local at, was = live(pairs_n)
if not at then return sure(gone, index) end
if version(was) ~= expected and version(was) ~= version(value) then return sure(conflict, index) end
if at ~= 1 then
  redis.call('DEL', KEYS[2*at-1])
  if redis.call('EXISTS', KEYS[2*at]) == 1 then redis.call('RENAME', KEYS[2*at], KEYS[2]) end
end
redis.call('SET', KEYS[1], value, 'PX', ttl)
redis.call('PEXPIRE', KEYS[2], ttl)
redis.call('HSET', index, id, info)
atleast(index, index_life)
if redis.call('STRLEN', user) > 60 then redis.call('SET', seen, seen_value) end
return 1
