-- Writes one denylist key: "<login> <offline> <long_lived> <reason> <revoked_at>" until `expiry`,
-- in milliseconds since 1970. What stands there already is only ever made stricter, so that the
-- order of revocations does not show: the greatest of each cut-off, the latest expiry, the
-- earliest time with its reason.
local function deny(key, value, expiry)
  -- Nearly always there is nothing yet.
  if redis.call('SET', key, value, 'PXAT', expiry, 'NX') then
    return
  end
  local form = '^(%d+) (%d+) (%d+) ([%w_]+) (%d+)$'
  -- The name is a MAC under our key, so what is not of our form is damage, and is replaced.
  local standing = redis.call('TYPE', key).ok == 'string' and redis.call('GET', key) or ''
  local login, offline, long_lived, reason, at = string.match(standing, form)
  if not login then
    redis.call('SET', key, value, 'PXAT', expiry)
    return
  end
  local new_login, new_offline, new_long_lived, new_reason, new_at = string.match(value, form)
  local function greater(a, b)
    return tonumber(a) >= tonumber(b) and a or b
  end
  -- Of two reasons at one time the first by alphabet, lest the order decide.
  local earlier = tonumber(new_at) < tonumber(at)
    or (tonumber(new_at) == tonumber(at) and new_reason < reason)
  local merged = table.concat({
    greater(login, new_login),
    greater(offline, new_offline),
    greater(long_lived, new_long_lived),
    earlier and new_reason or reason,
    earlier and new_at or at,
  }, ' ')
  -- PEXPIRETIME and PEXPIREAT GT came with Redis 7. Expiries are whole seconds, so the millisecond
  -- by which this may be wrong makes no difference.
  local time = redis.call('TIME')
  local rest = redis.call('PTTL', key)
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  if rest >= 0 and now + rest < tonumber(expiry) then
    redis.call('SET', key, merged, 'PXAT', expiry)
  elseif merged ~= standing then
    redis.call('SET', key, merged, 'KEEPTTL')
  end
end

