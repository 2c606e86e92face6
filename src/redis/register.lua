-- Puts tokens into one table, and keeps the table at least until ARGV[1], in milliseconds since
-- 1970. ARGV goes on with a field and a value for each token.
local time = redis.call('TIME')
local now = tonumber(time[1])
-- The table of a user who never stays away never expires. Each time a few tokens are looked at,
-- and those that are over for more than an hour leave: that keeps what is over a small part.
local some = redis.call('HRANDFIELD', KEYS[1], 3, 'WITHVALUES')
for i = 1, #some, 2 do
  -- Version 1 has `retain_until` behind version, kind, flags and `issued_at`.
  local version, a, b, c, d = string.byte(some[i + 1], 1), string.byte(some[i + 1], 8, 11)
  if version == 1 and d and a + 256 * (b + 256 * (c + 256 * d)) + 3600 < now then
    redis.call('HDEL', KEYS[1], some[i])
  end
end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
local rest = redis.call('PTTL', KEYS[1])
if rest < 0 or now * 1000 + rest < tonumber(ARGV[1]) then
  redis.call('PEXPIREAT', KEYS[1], ARGV[1])
end
return #ARGV
