-- Answers the index entries of a user's sessions: session id, entry, … An entry is empty where the session is gone by its time.
-- keys: index
-- args: prefix
redis.call('HDEL', index, '')
local all, out = redis.call('HGETALL', index), {}
for j = 1, #all, 2 do
  out[#out+1] = all[j]
  out[#out+1] = alive(prefix, all[j+1]) and all[j+1] or ''
end
return out
