-- Answers the index entries of sessions that live: session id, entry, … The others go.
-- keys: index
-- args: prefix
redis.call('HDEL', index, '')
local all, out = redis.call('HGETALL', index), {}
for j = 1, #all, 2 do
  if alive(prefix, all[j+1]) then
    out[#out+1] = all[j]
    out[#out+1] = all[j+1]
  else
    redis.call('HDEL', index, all[j])
  end
end
return out
