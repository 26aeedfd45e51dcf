#!lua
-- One batch of one partition, all or nothing, and only if nobody else has written since.
--
-- KEYS: 1 the partition's hash   2 its timers
-- ARGV: 1 the expected mark, empty for none   2 fields to delete   3 messages for the outbox
--       4 timers to set (due, customer) and, last, the stamp   5 timers to remove
--       6 records and, last, the mark
-- Lists are packed: each item as a 4-byte little-endian length and its bytes.
--
-- The first line makes a server that is out of memory, or that cannot write its disk, refuse the
-- script before its first command; without it, the trim would be let through and then the rest.
-- Lua does not roll back, so the types are checked before anything is written. An append-only file
-- may be torn anywhere in here, and what lies before the tear come alive: so one command writes the
-- records together with the mark; what comes before it may be written again without harm; and the
-- timers that come after it end with a stamp by which it is seen that they are not of that mark.
local hash, timers = KEYS[1], KEYS[2]
if (redis.call('HGET', hash, '@') or '') ~= ARGV[1] then
  return 0
end
local kind = redis.call('TYPE', timers).ok
if kind ~= 'zset' and kind ~= 'none' then
  return redis.error_reply('EBBTIDE ' .. timers .. ' is a ' .. kind .. ', not a sorted set')
end
local function each(packed, most, visit)
  local size, at = #packed, 1
  while at <= size do
    local items, count = {}, 0
    while at <= size and count < most do
      count = count + 1
      items[count], at = struct.unpack('<I4c0', packed, at)
    end
    visit(items)
  end
end
each(ARGV[2], 4000, function(items) redis.call('HDEL', hash, unpack(items)) end)
each(ARGV[3], 4000, function(items) redis.call('HSET', hash, unpack(items)) end)
each(ARGV[6], 7800, function(items) redis.call('HSET', hash, unpack(items)) end)
each(ARGV[5], 4000, function(items) redis.call('ZREM', timers, unpack(items)) end)
each(ARGV[4], 4000, function(items) redis.call('ZADD', timers, unpack(items)) end)
return 1
