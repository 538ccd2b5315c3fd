-- Answers the entries of a list and deletes it: each is given to one reader.
-- keys: list
-- args:
local all = redis.call('LRANGE', list, 0, -1)
redis.call('DEL', list)
return all
