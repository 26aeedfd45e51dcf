#!lua
-- Queue messages for one endpoint, each once.
--
-- KEYS: 1 endpoints   2 due   3 bodies   4 attempts   5 seen   6 standing   7 dead
--       8 deaths   9 waiting
-- ARGV: 1 the endpoint   2 now   3 most that may wait   4 most dead that are kept
--       5 forget what was seen before   6 most ids that are remembered
--       then for each message: its id, its body, its attempts, what it is when there is no room,
--       and when it is due
--
-- An append-only file may be torn anywhere in here. An id is remembered last, and the position in
-- the topic is moved by a later command: what was torn is read, and queued, again.
local endpoints, due, bodies, attempts, seen, standing, dead, deaths, waits = unpack(KEYS)
local now = ARGV[2]
if redis.call('HEXISTS', endpoints, ARGV[1]) == 0 then
  return 0
end
local waiting, added = redis.call('ZCARD', waits), 0
for at = 7, #ARGV, 5 do
  local id = ARGV[at]
  if not redis.call('ZSCORE', seen, id) then
    if waiting < tonumber(ARGV[3]) then
      redis.call('HSET', bodies, id, ARGV[at + 1])
      redis.call('HSET', attempts, id, ARGV[at + 2])
      redis.call('ZADD', waits, ARGV[at + 4], id)
      redis.call('ZADD', due, ARGV[at + 4], id)
      waiting = waiting + 1
    else
      redis.call('HSET', dead, id, ARGV[at + 3])
      redis.call('ZADD', deaths, now, id)
    end
    redis.call('ZADD', seen, now, id)
    added = added + 1
  end
end
local much = redis.call('ZCARD', deaths) - tonumber(ARGV[4])
if much > 0 then
  for _, id in ipairs(redis.call('ZRANGE', deaths, 0, math.min(much, 1000) - 1)) do
    redis.call('HDEL', dead, id)
    redis.call('ZREM', deaths, id)
    redis.call('HINCRBY', standing, 'forgotten', 1)
  end
end
redis.call('ZREMRANGEBYSCORE', seen, '-inf', ARGV[5])
redis.call('ZREMRANGEBYRANK', seen, 0, -(tonumber(ARGV[6]) + 1))
return added
