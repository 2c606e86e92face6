-- Writes denylist keys that are missing, without any entry.
for i = 1, #KEYS do
  deny(KEYS[i], ARGV[2 * i - 1], ARGV[2 * i])
end
return #KEYS
