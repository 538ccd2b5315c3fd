-- Ends a session: nothing that was in flight can bring it back. Answers its id, or nothing where it had ended.
-- pairs
-- keys: index
-- args: run, life, id, channel, message, prefix, programs, item
local before = answered(prefix, run)
if before then return sure(before, index) end
local at = live(pairs_n)
for k = 1, pairs_n do
  if k == 1 or k == at then tombstone(KEYS[2*k-1], life) end
  redis.call('DEL', KEYS[2*k])
end
redis.call('HDEL', index, id)
redis.call('DEL', prefix .. 'b:' .. id)
if not at then return '' end
redis.call('PUBLISH', channel, message)
queue(prefix, programs, item)
return answer(prefix, run, {id})
