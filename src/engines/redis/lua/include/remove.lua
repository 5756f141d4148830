-- Taking an event out of the log, and counting that.

-- keys: log, events, history, logIndex, swept; event: id, at, topic, terms.
-- Returns whether its entry was still there; else nothing is changed.
local function removeEvent(keys, event)
  if redis.call('XDEL', keys.log, event.at) == 0 then return false end
  redis.call('HDEL', keys.events, event.id)
  redis.call('HDEL', keys.history, event.id)
  for _, term in ipairs(event.terms) do redis.call('ZREM', keys.logIndex, term .. '\0' .. event.at) end
  redis.call('HINCRBY', keys.swept, event.topic .. ' events', 1)
  return true
end
