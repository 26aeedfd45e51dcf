#!lua
-- Put back what nobody has settled in time, and forget pots that nobody needs any more: some at a
-- time, so that the server is not kept from its other work.
--
-- KEYS: 1 the limits' hash, as reserve.lua keeps it   2 when each reservation ends
--       3 until when each pot is kept
-- ARGV: 1 now   2 how many at most
-- Returns 1 if all is done, 0 if there is more.
--
-- Torn anywhere, it goes on where it was: one command gives back what a reservation took and
-- empties it, and an empty one is only removed.
local hash, ends, kept = KEYS[1], KEYS[2], KEYS[3]
local now, most = ARGV[1], tonumber(ARGV[2])
local over = redis.call('ZRANGE', ends, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, alert in ipairs(over) do
  local data = redis.call('HGET', hash, 'r:' .. alert)
  if data and data ~= '' then
    local spent, takes = unpack(cmsgpack.unpack(data))
    local fields = {'r:' .. alert, ''}
    for _, take in ipairs(takes) do
      local pot, amount, money = unpack(take)
      local taken = redis.call('HGET', hash, 'p:' .. pot)
      if spent < 0 and money == 1 and taken then
        fields[#fields + 1] = 'p:' .. pot
        fields[#fields + 1] = string.format('%.0f', tonumber(taken) - amount)
      end
    end
    redis.call('HSET', hash, unpack(fields))
  end
  redis.call('HDEL', hash, 'r:' .. alert)
  redis.call('ZREM', ends, alert)
end
local old = redis.call('ZRANGE', kept, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, pot in ipairs(old) do
  redis.call('HDEL', hash, 'p:' .. pot, 's:' .. pot)
  redis.call('ZREM', kept, pot)
end
return (#over < most and #old < most) and 1 or 0
