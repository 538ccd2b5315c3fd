-- Takes the index entries of sessions that are gone by their time away, of those that ids names. Answers which they were.
-- keys: index
-- args: prefix, run, ids, programs, item_head, item_tail
local before = answered(prefix, run)
if before then return sure(before, index) end
redis.call('HDEL', index, '')
local gone = {}
for sid in string.gmatch(ids, '[^,]+') do
  local entry = redis.call('HGET', index, sid)
  if entry and not alive(prefix, entry) then
    gone[#gone+1] = sid
    redis.call('HDEL', index, sid)
    redis.call('DEL', prefix .. 'b:' .. sid)
    queue(prefix, programs, item_head .. sid .. item_tail)
  end
end
return answer(prefix, run, gone)
