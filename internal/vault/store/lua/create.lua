-- Writes a new session, its index entry and its first connection.
-- Answers how many sessions the user has now.
-- pairs
-- keys: index
-- args: value, ttl, index_life, id, info, connection, connection_value, prefix, programs, item
local was = redis.call('GET', KEYS[1])
if was then
  if version(was) == version(value) then return math.max(redis.call('HLEN', index), 1) end
  return sure(gone, index)
end
redis.call('SET', KEYS[1], value, 'PX', ttl)
if connection ~= '' then
  redis.call('HSET', KEYS[2], connection, connection_value)
  redis.call('PEXPIRE', KEYS[2], ttl)
end
redis.call('HSET', index, id, info)
atleast(index, index_life)
queue(prefix, programs, item)
return redis.call('HLEN', index)
