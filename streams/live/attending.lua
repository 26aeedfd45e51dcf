-- Returns the server's time, and what each worker has said of itself and when.
-- KEYS: the hash of all workers.
local time = redis.call('TIME')
return {time[1] * 1000 + math.floor(time[2] / 1000), redis.call('HGETALL', KEYS[1])}
