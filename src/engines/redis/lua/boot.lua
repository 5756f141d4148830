#!lua flags=allow-oom
-- Checks what was fixed at the first boot, or fixes it.
--
-- KEYS: meta
-- ARGV: layout version, partitions ('' for what is stored), partitions of new data, placement key of new data,
--       pepper ids, the first of which writes
-- Returns one of
--   {'ok', partitions, placement key, 1 if it is new data, ids of the peppers that have written by commas}
--   {'layout', stored version} | {'partitions', stored number} | {'pepper'}

local META = KEYS[1]
local version, wanted, fresh, placementKey = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local stored = redis.call('HMGET', META, 'layout', 'partitions', 'placementKey', 'pepperIds')
local pepperIds = {}
local known = not stored[4]
for id in string.gmatch(stored[4] or '', '[^,]+') do pepperIds[id] = true end
for i = 5, #ARGV do known = known or pepperIds[ARGV[i]] end

if stored[1] and stored[1] ~= version then return { 'layout', stored[1] } end
if stored[2] and wanted ~= '' and stored[2] ~= wanted then return { 'partitions', stored[2] } end
if not known then return { 'pepper' } end

if not stored[1] then
  redis.call('HSET', META, 'layout', version, 'partitions', wanted ~= '' and wanted or fresh,
    'placementKey', placementKey)
end
if ARGV[5] and not pepperIds[ARGV[5]] then
  redis.call('HSET', META, 'pepperIds', stored[4] and (stored[4] .. ',' .. ARGV[5]) or ARGV[5])
end
local result = redis.call('HMGET', META, 'partitions', 'placementKey', 'pepperIds')
return { 'ok', result[1], result[2], stored[1] and 0 or 1, result[3] or '' }
