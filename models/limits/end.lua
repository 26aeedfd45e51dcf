-- Put back what nobody has settled in time, and forget reservations and pots that nobody needs any
-- more: some at a time, so that the server is not kept from its other work.
--
-- KEYS: 1 the limits' hash, as reserve.lua keeps it   2 when each reservation is looked at next
--       3 until when each pot is kept
-- ARGV: 1 now   2 how many at most   3 how long after its end a reservation is known
-- Returns 1 if all is done, 0 if there is more.
--
-- Torn anywhere, it goes on where it was: one command gives back what a reservation took, or counts
-- it as spent, and closes it, and a closed one gives nothing back.
local hash, ends, kept = KEYS[1], KEYS[2], KEYS[3]
local now, most, known_for = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local over = redis.call('ZRANGE', ends, '-inf', now, 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
for place = 1, #over, 2 do
  local alert, at = over[place], tonumber(over[place + 1])
  local data = redis.call('HGET', hash, 'r:' .. alert)
  local again
  if data and data ~= '' then
    local closed, told, takes, choice, until_, use = unpack(cmsgpack.unpack(data))
    if at < until_ + known_for then
      again = until_ + known_for
      if closed == 0 then
        local fields = {'r:' .. alert, cmsgpack.pack({1 + use, told, takes, choice, until_, use})}
        for _, take in ipairs(takes) do
          local pot, amount, money = unpack(take)
          local taken = redis.call('HGET', hash, 'p:' .. pot)
          if money == 1 and taken then
            local rest = math.max(0, amount - spent_of(0, told, amount))
            local name, now_ = 'p:' .. pot, tonumber(taken) - rest
            if use == 1 then
              name = 's:' .. pot
              now_ = tonumber(redis.call('HGET', hash, name) or '0') + rest
            end
            fields[#fields + 1] = name
            fields[#fields + 1] = string.format('%.0f', now_)
          end
        end
        redis.call('HSET', hash, unpack(fields))
      end
    end
  end
  if again and again > tonumber(now) then
    redis.call('ZADD', ends, again, alert)
  else
    redis.call('HDEL', hash, 'r:' .. alert)
    redis.call('ZREM', ends, alert)
  end
end
local old = redis.call('ZRANGE', kept, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for _, pot in ipairs(old) do
  redis.call('HDEL', hash, 'p:' .. pot, 's:' .. pot)
  redis.call('ZREM', kept, pot)
end
return (#over < most * 2 and #old < most) and 1 or 0
