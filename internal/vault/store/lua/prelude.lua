-- What the scripts share. A sealed value is longer than 60 bytes, a tombstone shorter; its first 16 bytes are its version.
-- Answers that no command of the store's gives: an answer that belongs to another question is not taken for them.
local gone, conflict = -404, -409
local function live(count)
  for n = 1, count do
    local s = redis.call('GET', KEYS[2*n-1])
    if s and #s > 60 then return n, s end
  end
end
local function sure(answer, key)
  redis.call('HDEL', key, '')
  return answer
end
local function version(value) return value and string.sub(value, 1, 16) or '' end
local function atleast(key, ms)
  if redis.call('PTTL', key) < tonumber(ms) then redis.call('PEXPIRE', key, ms) end
end
-- A store that is full has no room for a tombstone; then the key goes, which ends the session too.
local function tombstone(key, ms)
  local ok = redis.pcall('SET', key, 'ended', 'PX', ms)
  if type(ok) == 'table' and ok.err then redis.call('DEL', key) end
end
-- An index entry begins with the location of its session, 22 characters.
local function alive(prefix, entry) return redis.call('STRLEN', prefix .. 's:' .. string.sub(entry, 1, 22)) > 60 end
-- What a run that ended sessions answers: their ids, joined. Sent again because its answer was lost, it answers the same.
local function answered(prefix, run) return redis.call('GET', prefix .. 'y:' .. run) end
local function answer(prefix, run, ids)
  local text = table.concat(ids, ',')
  if text ~= '' then redis.pcall('SET', prefix .. 'y:' .. run, text, 'PX', 10000) end
  return text
end
-- Puts an event into the queues of the programs that are to hear of it.
local function queue(prefix, programs, item)
  for program in string.gmatch(programs, '[^,]+') do redis.call('RPUSH', prefix .. 'q:' .. program, item) end
end
