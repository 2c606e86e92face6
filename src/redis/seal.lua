-- The last argument is the SHA-1 of keys and arguments. What these scripts write stands for the whole
-- log, and no reader could tell a wrong epoch or number from a right one.
local words = {}
for i = 1, #KEYS do
  words[#words + 1] = KEYS[i]
end
for i = 1, #ARGV - 1 do
  words[#words + 1] = ARGV[i]
end
if redis.sha1hex(table.concat(words, ' ')) ~= ARGV[#ARGV] then
  return redis.error_reply('DAMAGED a command is not what its sender said it is')
end

