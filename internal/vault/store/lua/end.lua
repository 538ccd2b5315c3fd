-- Ends a session: nothing that was in flight can bring it back.
-- pairs
-- keys: index
-- args: life, id, channel, message, prefix, programs, item
local at = live(pairs_n)
for k = 1, pairs_n do
  if k == 1 or k == at then tombstone(KEYS[2*k-1], life) end
  redis.call('DEL', KEYS[2*k])
end
redis.call('HDEL', index, id)
redis.call('DEL', prefix .. 'b:' .. id)
if at then
  redis.call('PUBLISH', channel, message)
  queue(prefix, programs, item)
end
return 1
