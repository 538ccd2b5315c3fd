-- Claims an id that is accepted once. Answers 1 where it is the owner's, 2 where it is somebody else's for now, 3 where
-- its work is done.
-- keys: key
-- args: owner, lease
local was = redis.call('GET', key)
if not was or was == owner then
  redis.call('SET', key, owner, 'PX', lease)
  return 1
end
if string.sub(was, 1, 2) == 'c.' then return 2 end
return 3
