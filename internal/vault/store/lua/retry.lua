-- Writes a job again. One that somebody else has done stays done.
-- keys: outbox
-- args: id, value
if redis.call('HEXISTS', outbox, id) == 1 then redis.call('HSET', outbox, id, value) end
return 1
