-- Writes and removes again: a server that takes no writes refuses, a full one too.
-- keys: absent
-- args:
redis.call('SET', absent, '1', 'PX', 1000)
redis.call('DEL', absent)
return 1
