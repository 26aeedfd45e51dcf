-- What is heard of alerts: each outcome is counted once.
--
-- KEYS: 1 the limits' hash, as reserve.lua keeps it
-- ARGV: 1 how many outcomes of an alert are counted; then for each settlement the alert's id, the
--       outcome's id, what it has cost (-1 for all that was set aside), and 1 if nothing more comes
-- Returns for each 1 if there is such a reservation, else 0.
local hash = KEYS[1]
local most = tonumber(ARGV[1])
local answers = {}

for place = 2, #ARGV, 4 do
  local alert, outcome = ARGV[place], ARGV[place + 1]
  local cost, closes = tonumber(ARGV[place + 2]), tonumber(ARGV[place + 3])
  local data = redis.call('HGET', hash, 'r:' .. alert)
  local known = data and data ~= ''
  answers[#answers + 1] = known and 1 or 0
  if known then
    local closed, told, takes, choice, until_, use = unpack(cmsgpack.unpack(data))
    local now, heard = {}, #told >= most * 2
    for number = 1, #told do
      now[number] = told[number]
      heard = heard or (number % 2 == 1 and told[number] == outcome)
    end
    if not heard then
      now[#now + 1], now[#now + 2] = outcome, cost
    end
    local closed_now = closes == 1 and 1 or closed
    if not heard or closed_now ~= closed then
      local fields = {'r:' .. alert, cmsgpack.pack({closed_now, now, takes, choice, until_, use})}
      for _, take in ipairs(takes) do
        local pot, amount, money = unpack(take)
        local taken = redis.call('HGET', hash, 'p:' .. pot)
        -- A pot that is forgotten stays so.
        if money == 1 and taken then
          local change = held_of(closed_now, now, amount) - held_of(closed, told, amount)
          local had = tonumber(redis.call('HGET', hash, 's:' .. pot) or '0')
          local more = spent_of(closed_now, now, amount) - spent_of(closed, told, amount)
          fields[#fields + 1] = 'p:' .. pot
          fields[#fields + 1] = string.format('%.0f', tonumber(taken) + change)
          fields[#fields + 1] = 's:' .. pot
          fields[#fields + 1] = string.format('%.0f', had + more)
        end
      end
      redis.call('HSET', hash, unpack(fields))
    end
  end
end
return answers
