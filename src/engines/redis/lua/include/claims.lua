-- Claims: a hash from name to value, and a sorted set of when each expires, in milliseconds.
-- One that has expired is absent, whether or not it has been taken away yet.
--@include clock

-- '' stands for none, and comes before every value, which is why a value is written with '=' before it.
local function valueIn(argument)
  if argument == '' then return nil end
  return string.sub(argument, 2)
end

local function claimed(claims, expiries, name)
  local value = redis.call('HGET', claims, name)
  if not value then return nil end
  local expiry = redis.call('ZSCORE', expiries, name)
  if expiry and tonumber(expiry) <= now() then return nil end
  return value
end

-- ttl: milliseconds, '' to keep it.
local function claim(claims, expiries, name, value, ttl)
  if not value then
    redis.call('HDEL', claims, name)
    redis.call('ZREM', expiries, name)
    return
  end
  redis.call('HSET', claims, name, value)
  if ttl == '' then
    redis.call('ZREM', expiries, name)
  else
    redis.call('ZADD', expiries, now() + tonumber(ttl), name)
  end
end

-- Takes away expired claims, at most so many. Returns whether there may be more.
local function prune(claims, expiries, limit)
  local expired = redis.call('ZRANGE', expiries, '-inf', now(), 'BYSCORE', 'LIMIT', 0, limit)
  for _, name in ipairs(expired) do claim(claims, expiries, name, nil) end
  return #expired == limit
end
