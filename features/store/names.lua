#!lua flags=no-writes
-- Some of the customers that have a state: their names without their states.
--
-- KEYS: 1 the partition's hash
-- ARGV: 1 where to go on   2 about how many fields to look at
local step = redis.call('HSCAN', KEYS[1], ARGV[1], 'MATCH', 's:*', 'COUNT', ARGV[2])
local names = {}
for place = 1, #step[2], 2 do names[#names + 1] = string.sub(step[2][place], 3) end
return {step[1], names}
