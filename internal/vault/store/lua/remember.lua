-- Puts a session below a handle.
-- keys: handle
-- args: id, value, ttl
redis.call('HSET', handle, id, value)
atleast(handle, ttl)
return 1
