#!lua
-- What all scripts here know of a reservation, as reserve.lua keeps it; they begin with this.
--
-- The first line makes a server that is out of memory refuse a script before it has written.

-- What its outcomes have cost, of a take of so much.
local function spent_of(closed, told, amount)
  local spent = 0
  for place = 2, #told, 2 do
    spent = spent + (told[place] < 0 and amount or told[place])
  end
  return closed == 2 and math.max(spent, amount) or spent
end

-- What is not there for others: until all is known, at least what it may cost.
local function held_of(closed, told, amount)
  local spent = spent_of(closed, told, amount)
  return closed == 0 and math.max(spent, amount) or spent
end

