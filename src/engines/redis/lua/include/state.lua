-- How a stream is, for a reader that follows it.
--@include position

-- place: the reader's position, or '' at the beginning.
-- Returns {last position there ever was, last position taken away or false, how many were taken away, 1 if there is
-- an entry at the place, else 0}
local function stateOf(stream, place)
  local facts = {}
  if redis.call('EXISTS', stream) == 1 then
    local info = redis.call('XINFO', 'STREAM', stream)
    for i = 1, #info, 2 do facts[info[i]] = info[i + 1] end
  end
  local swept = facts['max-deleted-entry-id'] or '0-0'
  return {
    position(facts['last-generated-id'] or '0-0'),
    swept ~= '0-0' and position(swept),
    (facts['entries-added'] or 0) - (facts['length'] or 0),
    place ~= '' and #redis.call('XRANGE', stream, place, place) or 0,
  }
end
