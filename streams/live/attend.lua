-- Keeps what a worker says of itself, with the server's time, and forgets who has fallen silent.
-- KEYS: the hash of all workers. ARGV: name, what it says, milliseconds until one is forgotten.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local all = redis.call('HGETALL', KEYS[1])
for place = 1, #all, 2 do
  local said = tonumber(string.match(all[place + 1], '^%d+')) or 0
  if now - said > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], all[place])
  end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f ', now) .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
