#!lua flags=no-writes
-- What is stored of some customers, and the mark that it belongs to, at one instant.
--
-- KEYS: 1 the partition's hash   2 its timers
-- ARGV: customers, at most 2,000
local fields, count = {'@'}, 1
for place = 1, #ARGV do
  fields[count + 1] = 's:' .. ARGV[place]
  fields[count + 2] = 'l:' .. ARGV[place]
  count = count + 2
end
local values = redis.call('HMGET', KEYS[1], unpack(fields))
local timers = {}
if #ARGV > 0 then timers = redis.call('ZMSCORE', KEYS[2], unpack(ARGV)) end
return {values, timers}
