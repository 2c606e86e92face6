-- Begins a new epoch, if the old one is still the one that its caller knows; returns the head that
-- stands there then.
if redis.call('HGET', KEYS[1], 'epoch') == ARGV[1] then
  if ARGV[3] == 'replace' then
    redis.call('XLEN', KEYS[2])
    redis.call(
      'HSET', KEYS[1],
      'epoch', ARGV[2], 'seq', '0', 'link', string.rep('\0', 8), 'first', '1'
    )
    redis.call('UNLINK', KEYS[2])
  else
    redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
  end
end
return redis.call('HMGET', KEYS[1], 'format', 'key', 'epoch', 'seq', 'link', 'first')
