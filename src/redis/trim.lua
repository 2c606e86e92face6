-- Deletes the entries before ARGV[2], if the epoch is still the one that the caller knows; returns
-- how many those were, or the epoch that stands there ('' without a head). The head says first
-- that they may be missing: a reader never misses what the head promises.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'first')
if head[1] ~= ARGV[1] then
  return head[1] or ''
end
local first = tonumber(ARGV[2])
if first <= tonumber(head[3]) or first > head[2] + 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'first', ARGV[2])
return redis.call('XTRIM', KEYS[2], 'MINID', '=', ARGV[2] .. '-0')
