-- Writes what stood elsewhere, where nothing stands and nothing was moved to before: the values behind the arguments.
-- keys: key, mark
-- args: kind, life
if redis.call('EXISTS', mark, key) > 0 then return 1 end
for i = 3, #ARGV do
  if kind == 'list' then redis.call('RPUSH', key, ARGV[i])
  elseif kind == 'string' then redis.call('SET', key, ARGV[i])
  elseif i % 2 == 1 then redis.call('HSET', key, ARGV[i], ARGV[i+1]) end
end
if tonumber(life) >= 0 then redis.call('PEXPIRE', key, life) end
return 1
