-- Marks that what belongs here was moved.
-- keys: mark
-- args: life
redis.call('SET', mark, '1', 'PX', life)
return 1
