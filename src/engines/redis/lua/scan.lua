#!lua flags=no-writes
-- Reads a range of an index, and what its entries point at.
--
-- KEYS: index, the stream or the hash that it is of, and of results their marks
-- ARGV: stream|hash, first and last bound in index order, REV or '', limit, length of the term, and of a reader that
--       follows a stream its place ('' at the beginning)
-- Returns {{{sort key, value or false when it is gone, mark or false}…}, state (include/state.lua), or false without a
--   place}
--   value: {field, value…} of a stream's entry, the value of a hash's
--@include state

local of, first, last, reverse, limit, length, place = unpack(ARGV)
local members
if reverse == 'REV' then
  members = redis.call('ZRANGE', KEYS[1], last, first, 'BYLEX', 'REV', 'LIMIT', 0, limit)
else
  members = redis.call('ZRANGE', KEYS[1], first, last, 'BYLEX', 'LIMIT', 0, limit)
end

local rows = {}
for _, member in ipairs(members) do
  local sort = string.sub(member, tonumber(length) + 2)
  local value, mark
  if of == 'stream' then
    local entry = redis.call('XRANGE', KEYS[2], sort, sort)[1]
    value = entry and entry[2]
    mark = KEYS[3] and redis.call('HGET', KEYS[3], sort)
  else
    value = redis.call('HGET', KEYS[2], string.match(sort, '[^ ]+$'))
  end
  rows[#rows + 1] = { sort, value or false, mark or false }
end
return { rows, place and stateOf(KEYS[2], place) or false }
