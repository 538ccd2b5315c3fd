-- Adds an entry to a list, keeps the last most of it, and has it live for ttl from now.
-- keys: list
-- args: entry, most, ttl
redis.call('RPUSH', list, entry)
redis.call('LTRIM', list, -tonumber(most), -1)
redis.call('PEXPIRE', list, ttl)
return 1
