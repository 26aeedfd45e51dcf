-- Set aside what alerts need, one after the other: of each the first choice for which there is
-- enough, all that it takes or nothing, and once for each alert.
--
-- KEYS: 1 the limits' hash: "p:" and a pot's name: what is taken; "s:" and its name: what of that
--       is spent; "r:" and an alert's id: its reservation, packed: 0 if it is open, 1 if it is
--       closed, 2 if silence closed it, which means use; what its outcomes have cost (their ids
--       and costs, one after the other; -1 for all that was set aside); the pot, amount and 1 for
--       money of each take; the choice's name; when it ends; 1 if silence means use
--       2 when each reservation is looked at next   3 until when each pot is kept
-- ARGV: for each alert its id, how many choices, and of each its name, when it ends, 1 if
--       silence means use, how many takes, and of each take the pot's name, its limit, until when
--       it is kept, 1 if it is money, the amount, and how much must be left
-- Returns for each alert 1 if something is granted, else 0, the granted choice's name, and name, pot
-- and what is left there of each choice before it.
--
-- An append-only file may be torn anywhere in here: so one command writes a reservation together
-- with what it takes, and an end that has no reservation is passed over.
local hash, ends, kept = KEYS[1], KEYS[2], KEYS[3]
local answers, at = {}, 1

-- What a reservation gives back that is no longer wanted, by pot.
local function given_back(data)
  local back = {}
  local closed, told, takes = unpack(cmsgpack.unpack(data))
  if closed == 0 then
    for _, take in ipairs(takes) do
      local pot, amount, money = unpack(take)
      if money == 1 then
        back[pot] = math.max(0, amount - spent_of(0, told, amount))
      end
    end
  end
  return back
end

-- Whether what was set aside is what a choice needs now.
local function alike(choice, takes)
  if choice[4] - choice[3] + 1 ~= #takes * 6 then
    return false
  end
  for number, take in ipairs(takes) do
    local place = choice[3] + (number - 1) * 6
    if ARGV[place] ~= take[1] or tonumber(ARGV[place + 4]) ~= take[2] then
      return false
    end
  end
  return true
end

while at <= #ARGV do
  local alert, count = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  local choices = {}
  for number = 1, count do
    local takes = tonumber(ARGV[at + 3])
    choices[number] = {ARGV[at], ARGV[at + 1], at + 4, at + 3 + takes * 6, tonumber(ARGV[at + 2])}
    at = at + 4 + takes * 6
  end
  local answer = {0, ''}
  local back = {}
  local data = redis.call('HGET', hash, 'r:' .. alert)
  if data and data ~= '' then
    local _, _, takes, named = unpack(cmsgpack.unpack(data))
    for _, choice in ipairs(choices) do
      if choice[1] == named and alike(choice, takes) then
        answer = {1, named}
      end
    end
    -- Or the rules have changed since: it is another thing that is done now.
    if answer[1] == 0 then
      back = given_back(data)
    end
  end
  if answer[1] == 0 then
    local taken_of = {}
    local function taken(pot)
      if not taken_of[pot] then
        local known = redis.call('HGET', hash, 'p:' .. pot)
        taken_of[pot] = tonumber(known or '0') - (known and back[pot] or 0)
      end
      return taken_of[pot]
    end
    local granted
    for _, choice in ipairs(choices) do
      local lack
      for place = choice[3], choice[4], 6 do
        local left = tonumber(ARGV[place + 1]) - taken(ARGV[place])
        if left < math.max(tonumber(ARGV[place + 4]), tonumber(ARGV[place + 5])) then
          lack = {choice[1], ARGV[place], string.format('%.0f', math.max(0, left))}
          break
        end
      end
      if not lack then
        granted = choice
        break
      end
      for _, part in ipairs(lack) do
        answer[#answer + 1] = part
      end
    end
    local fields, takes, now = {}, {}, {}
    for pot, amount in pairs(back) do
      if redis.call('HEXISTS', hash, 'p:' .. pot) == 1 then
        now[pot] = taken(pot)
      end
    end
    if granted then
      answer[1], answer[2] = 1, granted[1]
      for place = granted[3], granted[4], 6 do
        local pot, amount = ARGV[place], tonumber(ARGV[place + 4])
        now[pot] = taken(pot) + amount
        takes[#takes + 1] = {pot, amount, tonumber(ARGV[place + 3])}
        redis.call('ZADD', kept, 'GT', ARGV[place + 2], pot)
      end
    end
    for pot, amount in pairs(now) do
      fields[#fields + 1] = 'p:' .. pot
      fields[#fields + 1] = string.format('%.0f', amount)
    end
    if #takes > 0 then
      redis.call('ZADD', ends, granted[2], alert)
      fields[#fields + 1] = 'r:' .. alert
      fields[#fields + 1] =
        cmsgpack.pack({0, {}, takes, granted[1], tonumber(granted[2]), granted[5]})
    elseif data then
      fields[#fields + 1] = 'r:' .. alert
      fields[#fields + 1] = ''
    end
    if #fields > 0 then
      redis.call('HSET', hash, unpack(fields))
    end
  end
  answers[#answers + 1] = answer
end
return answers
