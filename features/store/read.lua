#!lua flags=no-writes
-- One read of one partition: the customers with a timer due, and the fields of all asked for.
--
-- KEYS: 1 the partition's hash   2 its timers
-- ARGV: 1 due by   2 at most so many   3... customers
--
-- Below 0 is the stamp, which is no timer. The first line lets it be read on a server that is out of memory. The third of what is returned
-- is the server's clock, in milliseconds.
local due = redis.call('ZRANGEBYSCORE', KEYS[2], 0, ARGV[1], 'LIMIT', 0, ARGV[2])
local fields, count = {}, 0
local function ask(customer)
  fields[count + 1] = 's:' .. customer
  fields[count + 2] = 'l:' .. customer
  count = count + 2
end
for place = 3, #ARGV do ask(ARGV[place]) end
for place = 1, #due do ask(due[place]) end
local values = {}
for first = 1, count, 4000 do
  local part = redis.call('HMGET', KEYS[1], unpack(fields, first, math.min(first + 3999, count)))
  for place = 1, #part do values[first + place - 1] = part[place] end
end
local now = redis.call('TIME')
return {due, values, now[1] * 1000 + math.floor(now[2] / 1000)}
