-- Of those who know the value one wins. Its name stands there for a while, for a script that runs twice.
-- keys: key
-- args: value, taker
local was = redis.call('GET', key)
if was == taker then return 1 end
if was ~= value then return gone end
redis.call('SET', key, taker, 'PX', 60000)
return 1
