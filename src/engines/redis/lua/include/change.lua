-- A change: claims, record writes and events of one partition. Needs the first ten KEYS in the order of
-- `changeKeys` in keys.ts.
--
-- In ARGV it is three counted lists, one after the other:
--   claims: name, from, to ('' for none, else '=' and the value), ttl in ms or ''
--   writes: kind (keys|profiles), id, name of the claim that it leaves when deleted, expected version ('' when it
--           creates), value ('<version> <json>', '' when it deletes), index entries to take away (counted), index
--           entries to add (counted)
--   events: id, topic, type, JSON without its time, index terms (counted)
--@include arguments
--@include claims
--@include append
--@include tell

local LOG, EVENTS, LOG_INDEX, COUNTERS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local CLAIMS, EXPIRIES = KEYS[5], KEYS[6]
local RECORDS = { keys = KEYS[7], profiles = KEYS[8] }
local RECORD_INDEX = { keys = KEYS[9], profiles = KEYS[10] }

local function readClaim(next)
  return { name = next(), from = valueIn(next()), to = valueIn(next()), ttl = next() }
end

local function readWrite(next)
  return {
    kind = next(), id = next(), tombstone = next(), expected = next(), value = next(),
    gone = list(next, same), new = list(next, same),
  }
end

local function readEvent(next)
  return { id = next(), topic = next(), type = next(), json = next(), terms = list(next, same) }
end

local function readChange(next)
  return { claims = list(next, readClaim), writes = list(next, readWrite), events = list(next, readEvent) }
end

-- Whether the id that a write creates belongs to a record, or belonged to one.
local function taken(write)
  return redis.call('HEXISTS', RECORDS[write.kind], write.id) == 1
    or claimed(CLAIMS, EXPIRIES, write.tombstone) ~= nil
end

-- The first expectation that does not hold, as a reply, or nil:
-- {'missing', id} | {'version', id} | {'claim', name, value found or false}
local function failing(change)
  for _, write in ipairs(change.writes) do
    if write.expected == '' then
      if taken(write) then return { 'missing', write.id } end
    else
      local value = redis.call('HGET', RECORDS[write.kind], write.id)
      if not value or string.match(value, '^%d+') ~= write.expected then return { 'version', write.id } end
    end
  end
  for _, wanted in ipairs(change.claims) do
    local found = claimed(CLAIMS, EXPIRIES, wanted.name)
    if found ~= wanted.from then return { 'claim', wanted.name, found or false } end
  end
end

local function publish(event)
  local at, ms = append(LOG, 'id', event.id, 'event', event.json)
  redis.call('HSET', EVENTS, event.id, at)
  for _, term in ipairs(event.terms) do redis.call('ZADD', LOG_INDEX, 0, term .. '\0' .. at) end
  redis.call('HINCRBY', COUNTERS, event.topic .. ' published', 1)
  redis.call('HINCRBY', COUNTERS, event.topic .. ' pending', 1)
  tell(event.topic, extended(event.json, '"time":"' .. rfc3339(ms) .. '"'))
  return at
end

-- Writes a change of which nothing fails. Returns the position of its first event, or false.
local function apply(change)
  for _, wanted in ipairs(change.claims) do
    if wanted.from ~= wanted.to or wanted.ttl ~= '' then
      claim(CLAIMS, EXPIRIES, wanted.name, wanted.to, wanted.ttl)
    end
  end
  for _, write in ipairs(change.writes) do
    if write.value == '' then
      redis.call('HDEL', RECORDS[write.kind], write.id)
    else
      redis.call('HSET', RECORDS[write.kind], write.id, write.value)
    end
    for _, entry in ipairs(write.gone) do redis.call('ZREM', RECORD_INDEX[write.kind], entry) end
    for _, entry in ipairs(write.new) do redis.call('ZADD', RECORD_INDEX[write.kind], 0, entry) end
  end
  local first = false
  for _, event in ipairs(change.events) do
    local at = publish(event)
    first = first or at
  end
  return first
end
