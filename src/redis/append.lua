-- Appends one entry, if the epoch is still the one that its writer knows; returns its number, or
-- the epoch that stands there ('' without a head).
--
-- The head is looked at and the log is written before anything else: an error up to there leaves
-- everything as it was.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'link')
if head[1] ~= ARGV[1] then
  return head[1] or ''
end
local seq = string.format('%.0f', head[2] + 1)
redis.call('XADD', KEYS[2], seq .. '-0', 'e', head[3] .. ARGV[2] .. ARGV[3])
redis.call('HSET', KEYS[1], 'seq', seq, 'link', ARGV[2])
for i = 3, #KEYS do
  deny(KEYS[i], ARGV[2 * i - 2], ARGV[2 * i - 1])
end
return tonumber(seq)
