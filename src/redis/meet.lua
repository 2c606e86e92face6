-- Notes that an instance is alive and which epoch it has compared its journal with ('' if none),
-- and returns the others: id, epoch, and milliseconds since each was heard of. By this server's
-- clock alone, so that nobody else's matters. Who was silent for a minute is forgotten.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
local others = {}
for i = 1, #all, 2 do
  local heard, epoch = string.match(all[i + 1], '^(%d+) (%x*)$')
  local silence = heard and math.max(now - tonumber(heard), 0)
  -- What is not of this form was damaged on its way here: it belongs to nobody.
  local readable = heard and #all[i] == 16 and string.match(all[i], '^%x+$')
  if not readable or silence > 60000 then
    redis.call('HDEL', KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] then
    table.insert(others, { all[i], epoch, silence })
  end
end
return others
