#!lua flags=allow-oom
-- Take note of what became of an attempt, unless somebody else did meanwhile.
--
-- KEYS: 1 due   2 bodies   3 attempts   4 standing   5 dead   6 deaths   7 waiting
-- ARGV: 1 the message   2 its attempts as they were taken   3 now
--       4 what became of it: delivered, again, dead, back
--       5 when again   6 its attempts by then, or what it is as a dead one
--       7 the endpoint rests until, 0 if it need not   8 why   9 most dead that are kept
--       10 the endpoint is disabled for this reason, empty if it is not
local due, bodies, attempts, standing, dead, deaths, waits = unpack(KEYS)
local id, now, what = ARGV[1], ARGV[3], ARGV[4]
if redis.call('HGET', attempts, id) ~= ARGV[2] then
  return 0
end
if what == 'back' then
  redis.call('ZADD', due, now, id)
  return 1
end
if what == 'delivered' then
  redis.call('HINCRBY', standing, 'delivered', 1)
  redis.call('HSET', standing, 'last_success', now)
  redis.call('HDEL', standing, 'strikes', 'slow_until', 'failing')
else
  if ARGV[8] ~= '' then
    redis.call('HINCRBY', standing, 'failed', 1)
    redis.call('HINCRBY', standing, 'failing', 1)
    redis.call('HSET', standing, 'last_failure', now, 'last_error', ARGV[8])
  end
  local rests = tonumber(redis.call('HGET', standing, 'slow_until') or 0)
  if tonumber(ARGV[7]) > rests then
    redis.call('HSET', standing, 'slow_until', ARGV[7])
    -- What was under way together says it once.
    if rests <= tonumber(now) then
      redis.call('HINCRBY', standing, 'strikes', 1)
    end
  end
  if ARGV[10] ~= '' then
    redis.call('HSET', standing, 'disabled', ARGV[10])
  end
end
if what == 'again' then
  redis.call('HSET', attempts, id, ARGV[6])
  redis.call('ZADD', due, ARGV[5], id)
  return 1
end
if what == 'dead' then
  redis.call('HSET', dead, id, ARGV[6])
  redis.call('ZADD', deaths, now, id)
  local much = redis.call('ZCARD', deaths) - tonumber(ARGV[9])
  if much > 0 then
    for _, old in ipairs(redis.call('ZRANGE', deaths, 0, math.min(much, 1000) - 1)) do
      redis.call('HDEL', dead, old)
      redis.call('ZREM', deaths, old)
      redis.call('HINCRBY', standing, 'forgotten', 1)
    end
  end
end
-- What is due comes last: an append-only file may be torn anywhere in here, and whoever takes a
-- message that is not whole clears it away.
redis.call('HDEL', attempts, id)
redis.call('HDEL', bodies, id)
redis.call('ZREM', waits, id)
redis.call('ZREM', due, id)
return 1
