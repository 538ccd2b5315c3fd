-- Ends a user's sessions and deletes all that is kept, in one step. Answers "erased" where there was
-- something to erase, then which sessions it ended; or "kept" where a connection is kept, whose grant is to be revoked first.
-- keys: user, hook, kept, preferences, data, index, seen
-- args: run, prefix, life, erased_for, channel, head, tail, message, programs, item
local before = answered(prefix, run)
if before then return sure(before, index) end
if redis.call('HLEN', kept) > 0 then return sure('kept', index) end
local ended, all = {}, redis.call('HGETALL', index)
for j = 1, #all, 2 do
  local sid, loc = all[j], string.sub(all[j+1], 1, 22)
  if alive(prefix, loc) then
    ended[#ended+1] = sid
    tombstone(prefix .. 's:' .. loc, life)
    redis.call('PUBLISH', channel, head .. sid .. tail)
  end
  redis.call('DEL', prefix .. 'c:' .. loc, prefix .. 'b:' .. sid)
end
local was = redis.call('GET', user)
redis.call('DEL', hook, preferences, data, index, seen)
redis.call('SET', user, 'erased', 'PX', erased_for)
if was ~= 'erased' then
  table.insert(ended, 1, 'erased')
  redis.call('PUBLISH', channel, message)
  queue(prefix, programs, item)
end
return answer(prefix, run, ended)
