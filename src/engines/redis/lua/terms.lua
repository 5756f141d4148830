#!lua flags=no-writes
-- One page of a search for the entries that an index has of some positions.
--
-- KEYS: index
-- ARGV: member to read after ('' for the first), how many to look at, positions
-- Returns {last member looked at, false at the end; members of those positions}

-- As engines/positions.ts writes it.
local WIDTH = 22

local wanted = {}
for i = 3, #ARGV do wanted[ARGV[i]] = true end

local members = redis.call('ZRANGE', KEYS[1], ARGV[1] == '' and '-' or '(' .. ARGV[1], '+', 'BYLEX',
  'LIMIT', 0, ARGV[2])
local found = {}
for _, member in ipairs(members) do
  if wanted[string.sub(member, -WIDTH)] then found[#found + 1] = member end
end
return { #members == tonumber(ARGV[2]) and members[#members] or false, found }
