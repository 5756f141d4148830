#!lua flags=allow-oom
-- Ends deliveries: per settlement it checks everything, then writes all of it. Later settlements of a batch
-- see what earlier ones wrote. Allowed when memory is short: settling is what lets it be freed again.
--
-- KEYS: the ten of a change (see include/change.lua), results, announcements, result of, result index, due,
--       open order, history, watermark, lease
-- ARGV: wake channel, partition, lease token, channel of the results, settlements (counted), each:
--   event id, its position, its topic, the revision of its history that the delivery knew, the counter that it
--   is under (pending|retrying), its new history ('<revision> <json>', or '' when it stays as it is), then
--   'retry', delay in ms
--   or 'done', status (processed|dead), announcement id, announcement JSON without time and data, result JSON
--   without finishedAt and latencyMs, when and to whom it was delivered, result index terms (counted), change
-- Returns 'lease-lost', or for each settlement 'settled', 'already' or 'conflict'.
--@include change
--@include watermark

local RESULTS, ANNOUNCEMENTS, RESULT_OF, RESULT_INDEX = KEYS[11], KEYS[12], KEYS[13], KEYS[14]
local DUE, OPEN_ORDER, HISTORY, WATERMARK, LEASE = KEYS[15], KEYS[16], KEYS[17], KEYS[18], KEYS[19]

local wake, partition, token, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local function readSettlement(next)
  local settlement = { id = next(), at = next(), topic = next(), revision = next(), state = next(), history = next() }
  settlement.how = next()
  if settlement.how == 'retry' then
    settlement.delay = tonumber(next())
  else
    settlement.status, settlement.announcement = next(), next()
    settlement.event, settlement.result = next(), next()
    settlement.delivered, settlement.terms = next(), list(next, same)
    settlement.change = readChange(next)
  end
  return settlement
end

local function count(topic, counter, by)
  redis.call('HINCRBY', COUNTERS, topic .. ' ' .. counter, by)
end

local function retry(settlement)
  count(settlement.topic, settlement.state, -1)
  count(settlement.topic, 'retrying', 1)
  redis.call('ZADD', DUE, now() + settlement.delay, settlement.at)
  redis.call('ZADD', OPEN_ORDER, 0, settlement.at)
end

local function announce(settlement)
  local at, ms = append(RESULTS, 'id', settlement.announcement, 'event', settlement.event,
    'result', settlement.result, 'status', settlement.status, 'delivered', settlement.delivered)
  redis.call('HSET', ANNOUNCEMENTS, settlement.announcement, at)
  redis.call('HSET', RESULT_OF, settlement.id, at)
  for _, term in ipairs(settlement.terms) do redis.call('ZADD', RESULT_INDEX, 0, term .. '\0' .. at) end
  local time = rfc3339(ms)
  local latency = math.max(0, ms - tonumber(string.match(settlement.at, '^%d+')))
  local result = extended(settlement.result, string.format('"finishedAt":"%s","latencyMs":%d', time, latency))
  tell(channel, extended(settlement.event, '"data":' .. result .. ',"time":"' .. time .. '"'))
end

-- Returns whether it published anything that is to be handled.
local function finish(settlement)
  announce(settlement)
  count(channel, 'published', 1)
  count(settlement.topic, settlement.state, -1)
  count(settlement.topic, settlement.status, 1)
  redis.call('ZREM', DUE, settlement.at)
  redis.call('ZREM', OPEN_ORDER, settlement.at)
  return apply(settlement.change)
end

local published, ended = false, false

local function settle(settlement)
  if redis.call('HEXISTS', RESULT_OF, settlement.id) == 1
    or redis.call('HGET', EVENTS, settlement.id) ~= settlement.at then
    return 'already'
  end
  local stored = redis.call('HGET', HISTORY, settlement.id)
  if (stored and string.match(stored, '^%d+') or '0') ~= settlement.revision then return 'already' end
  if settlement.change and failing(settlement.change) then return 'conflict' end

  if settlement.history ~= '' then redis.call('HSET', HISTORY, settlement.id, settlement.history) end
  if settlement.how == 'retry' then
    retry(settlement)
  else
    ended = true
    published = finish(settlement) or published
  end
  return 'settled'
end

if redis.call('HGET', LEASE, 'token') ~= token then return 'lease-lost' end

local verdicts = {}
for i, settlement in ipairs(list(reader(5), readSettlement)) do verdicts[i] = settle(settlement) end
advance(WATERMARK, LOG, RESULT_OF, DUE)
if published then tell(wake, partition) end
if ended then tell(wake, partition .. ' results') end
return verdicts
