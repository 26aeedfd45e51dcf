#!lua
-- Queue a dead message again, if it still lies there.
--
-- KEYS: 1 due   2 bodies   3 attempts   4 dead   5 deaths   6 waiting
-- ARGV: 1 the message   2 its body   3 its attempts   4 when it is due
local due, bodies, attempts, dead, deaths, waits = unpack(KEYS)
local id = ARGV[1]
if redis.call('HEXISTS', dead, id) == 0 then
  return 0
end
redis.call('HSET', bodies, id, ARGV[2])
redis.call('HSET', attempts, id, ARGV[3])
redis.call('ZADD', waits, ARGV[4], id)
redis.call('ZADD', due, ARGV[4], id)
redis.call('HDEL', dead, id)
redis.call('ZREM', deaths, id)
return 1
