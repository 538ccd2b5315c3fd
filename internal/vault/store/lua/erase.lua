-- Ends a user's sessions and deletes all that is kept, in one step. Answers how many sessions it ended, or -1 where a
-- connection is kept, whose grant is to be revoked first.
-- keys: user, hook, kept, preferences, data, index
-- args: prefix, life, erased_for, channel, head, tail, message, programs, item
if redis.call('HLEN', kept) > 0 then return sure(-1, index) end
local n, all = 0, redis.call('HGETALL', index)
for j = 1, #all, 2 do
  local sid, loc = all[j], string.sub(all[j+1], 1, 22)
  if alive(prefix, loc) then
    n = n + 1
    tombstone(prefix .. 's:' .. loc, life)
    redis.call('PUBLISH', channel, head .. sid .. tail)
  end
  redis.call('DEL', prefix .. 'c:' .. loc, prefix .. 'b:' .. sid)
end
local was = redis.call('GET', user)
redis.call('DEL', hook, preferences, data, index)
redis.call('SET', user, 'erased', 'PX', erased_for)
if was ~= 'erased' then
  redis.call('PUBLISH', channel, message)
  queue(prefix, programs, item)
end
return n
