-- Counts what was written lately, in slots of time, and answers 1; or -1 where it would be more than most, and then
-- counts nothing. oldest is the first slot that counts.
-- keys: load
-- args: slot, oldest, size, most, ttl
local sum, all = 0, redis.call('HGETALL', load)
for j = 1, #all, 2 do
  if tonumber(all[j]) < tonumber(oldest) then
    redis.call('HDEL', load, all[j])
  else
    sum = sum + tonumber(all[j+1])
  end
end
if sum + tonumber(size) > tonumber(most) then return sure(conflict, load) end
redis.call('HINCRBY', load, slot, size)
redis.call('PEXPIRE', load, ttl)
return 1
