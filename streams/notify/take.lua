#!lua flags=allow-oom
-- Take messages that are due, for a while: who takes one and dies has not lost it.
--
-- KEYS: 1 due   2 bodies   3 attempts   4 standing   5 waiting
-- ARGV: 1 now   2 most   3 most from an endpoint that could not keep up   4 end of the while
--
-- Returns strikes, when to look again (-1: nobody knows), failures in a row, and id, body and
-- attempts of each.
local due, bodies, attempts, standing, waits = unpack(KEYS)
local now, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local how = redis.call('HMGET', standing, 'strikes', 'slow_until', 'disabled', 'failing')
local strikes, failing = tonumber(how[1] or 0), tonumber(how[4] or 0)
if how[3] then
  return {strikes, '-1', failing}
end
if how[2] and tonumber(how[2]) > now then
  return {strikes, how[2], failing}
end
if strikes > 0 then
  most = tonumber(ARGV[3])
end
local taken = {strikes, '-1', failing}
if most > 0 then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, most)) do
    local body, made = redis.call('HGET', bodies, id), redis.call('HGET', attempts, id)
    if body and made then
      redis.call('ZADD', due, ARGV[4], id)
      taken[#taken + 1] = id
      taken[#taken + 1] = body
      taken[#taken + 1] = made
    else
      -- Left by a torn append-only file: it was settled.
      redis.call('HDEL', bodies, id)
      redis.call('HDEL', attempts, id)
      redis.call('ZREM', waits, id)
      redis.call('ZREM', due, id)
    end
  end
end
local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
if first[2] then
  taken[2] = first[2]
end
return taken
