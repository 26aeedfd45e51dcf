#!lua
-- What alerts have cost: of several settlements of one the largest holds.
--
-- KEYS: 1 the limits' hash, as reserve.lua keeps it
-- ARGV: for each settlement the alert's id and what it has cost
-- Returns for each 1 if there is such a reservation, else 0.
local hash = KEYS[1]
local answers = {}
for place = 1, #ARGV, 2 do
  local alert, spent = ARGV[place], tonumber(ARGV[place + 1])
  local data = redis.call('HGET', hash, 'r:' .. alert)
  local known = data and data ~= ''
  answers[#answers + 1] = known and 1 or 0
  if known then
    local before, takes = unpack(cmsgpack.unpack(data))
    if spent > before then
      local fields = {'r:' .. alert, cmsgpack.pack({spent, takes})}
      for _, take in ipairs(takes) do
        local pot, amount, money = unpack(take)
        local taken = redis.call('HGET', hash, 'p:' .. pot)
        -- A pot that is forgotten stays so.
        if money == 1 and taken then
          local had = tonumber(redis.call('HGET', hash, 's:' .. pot) or '0')
          local held, counted = amount, 0
          if before >= 0 then
            held, counted = before, before
          end
          fields[#fields + 1] = 'p:' .. pot
          fields[#fields + 1] = string.format('%.0f', tonumber(taken) + spent - held)
          fields[#fields + 1] = 's:' .. pot
          fields[#fields + 1] = string.format('%.0f', had + spent - counted)
        end
      end
      redis.call('HSET', hash, unpack(fields))
    end
  end
end
return answers
