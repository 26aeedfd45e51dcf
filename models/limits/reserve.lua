#!lua
-- Set aside what alerts need, one after the other: all of it or nothing, and once for each alert.
--
-- KEYS: 1 the limits' hash: "p:" and a pot's name: what is taken; "s:" and its name: what of that
--       is spent; "r:" and an alert's id: its reservation
--       2 when each reservation ends   3 until when each pot is kept
-- ARGV: for each alert its id, when it ends, how many takes, and of each take the pot's name, its
--       limit, until when it is kept, 1 if it is money, and the amount
-- Returns for each alert 1 if granted, or the first pot that has too little and what is left there.
--
-- The first line makes a server that is out of memory refuse the script before it has written. An
-- append-only file may be torn anywhere in here: so one command writes a reservation together with
-- what it takes, and an end that has no reservation is passed over.
local hash, ends, kept = KEYS[1], KEYS[2], KEYS[3]
local answers, at = {}, 1
while at <= #ARGV do
  local alert, until_, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  local first, blocked, left = at, nil, 0
  at = at + count * 5
  if redis.call('HEXISTS', hash, 'r:' .. alert) == 0 then
    local fields, takes = {}, {}
    for place = first, at - 1, 5 do
      local pot, limit, amount = ARGV[place], tonumber(ARGV[place + 1]), tonumber(ARGV[place + 4])
      local taken = tonumber(redis.call('HGET', hash, 'p:' .. pot) or '0')
      if taken + amount > limit then
        blocked, left = pot, math.max(0, limit - taken)
        break
      end
      fields[#fields + 1] = 'p:' .. pot
      fields[#fields + 1] = string.format('%.0f', taken + amount)
      takes[#takes + 1] = {pot, amount, tonumber(ARGV[place + 3])}
    end
    if not blocked then
      for place = first, at - 1, 5 do
        redis.call('ZADD', kept, 'GT', ARGV[place + 2], ARGV[place])
      end
      redis.call('ZADD', ends, until_, alert)
      fields[#fields + 1] = 'r:' .. alert
      fields[#fields + 1] = cmsgpack.pack({-1, takes})
      redis.call('HSET', hash, unpack(fields))
    end
  end
  if blocked then
    answers[#answers + 1] = {blocked, left}
  else
    answers[#answers + 1] = 1
  end
end
return answers
