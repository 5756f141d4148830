-- The position that a stream's id is, as engines/positions.ts writes it.
local function position(id)
  local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
  return string.format('%013d-%08d', tonumber(ms), tonumber(sequence))
end
