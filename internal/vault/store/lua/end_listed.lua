-- Ends those of a user's sessions that which names: "one", "others" than id, "all", or "erase": all, and what is kept.
-- head and tail are the message before and after a session's id. Answers which it ended.
-- keys: index, kept, preferences
-- args: run, prefix, which, id, life, channel, head, tail, programs, item_head, item_tail
local before = answered(prefix, run)
if before then return sure(before, index) end
redis.call('HDEL', index, '')
local ended, all = {}, redis.call('HGETALL', index)
for j = 1, #all, 2 do
  local sid, loc = all[j], string.sub(all[j+1], 1, 22)
  if which == 'all' or which == 'erase' or (which == 'one') == (sid == id) then
    if alive(prefix, loc) then
      ended[#ended+1] = sid
      tombstone(prefix .. 's:' .. loc, life)
      redis.call('PUBLISH', channel, head .. sid .. tail)
      queue(prefix, programs, item_head .. sid .. item_tail)
    end
    redis.call('DEL', prefix .. 'c:' .. loc, prefix .. 'b:' .. sid)
    redis.call('HDEL', index, sid)
  end
end
if which == 'erase' then redis.call('DEL', kept, preferences) end
return answer(prefix, run, ended)
