-- The one function that moves a partition's watermark: over the entries of the log that have a result or are
-- in the open set, up to the first that is neither. An event that it passed by mistake would never be handled.
--@include position

-- Read at a time; most calls stop within the first page.
local PAGE = 64
-- At most this many pages a call, so that no settlement pays for a long backlog; the next call goes on.
local PAGES = 16

local function advance(watermark, log, resultOf, due)
  local before = redis.call('GET', watermark)
  local after = before
  local unfinished = false
  for _ = 1, PAGES do
    local entries = redis.call('XRANGE', log, after and '(' .. after or '-', '+', 'COUNT', PAGE)
    for _, entry in ipairs(entries) do
      local at = position(entry[1])
      local id = entry[2][2]
      unfinished = redis.call('HEXISTS', resultOf, id) == 0 and not redis.call('ZSCORE', due, at)
      if unfinished then break end
      after = at
    end
    if unfinished or #entries < PAGE then break end
  end
  if after ~= before then redis.call('SET', watermark, after) end
end
