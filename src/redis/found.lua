-- Begins a log, if there is no head yet; returns the head that stands there then.
--
-- A log without its head says neither under which key its digests are nor whether it is whole, so
-- nobody could use it. It is deleted; what it held, the journals of the instances hold as well. The
-- same goes for a head of this deployment that nobody can read: a byte was damaged when it was
-- written. A head of a later format, or of somebody else, is left alone.
local head = redis.call('HMGET', KEYS[1], 'format', 'key', 'epoch', 'seq', 'link', 'first')
local format, key, epoch, seq, link, first = unpack(head)

local function hex(text, digits)
  return text and #text == digits and string.match(text, '^[0-9a-f]+$')
end
local function number(text)
  return text and string.match(text, '^%d+$')
end

local readable = hex(epoch, 16) and number(seq) and link and #link == 8 and number(first)
local ours
if format == '1' then
  ours = key == ARGV[1] or not hex(key, 32)
  readable = readable and hex(key, 32)
else
  ours = not format and key == ARGV[1]
  readable = false
end
if redis.call('EXISTS', KEYS[1]) == 0 or (ours and not readable) then
  -- Somebody else's value is not ours to delete: a stream command says WRONGTYPE.
  redis.call('XLEN', KEYS[2])
  redis.call(
    'HSET', KEYS[1],
    'format', '1', 'key', ARGV[1], 'epoch', ARGV[2],
    'seq', '0', 'link', string.rep('\0', 8), 'first', '1'
  )
  redis.call('UNLINK', KEYS[2])
  redis.call('HSET', KEYS[1], 'direct_keys', ARGV[3])
elseif ARGV[3] == 'no' then
  -- One instance without them is enough: whoever asks for a key could miss what that one took.
  redis.call('HSET', KEYS[1], 'direct_keys', 'no')
end
return redis.call('HMGET', KEYS[1], 'format', 'key', 'epoch', 'seq', 'link', 'first')
