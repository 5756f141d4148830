-- Reading ARGV in order.

-- Returns a function that gives one argument a call, from `at` on.
local function reader(at)
  return function()
    at = at + 1
    return ARGV[at - 1]
  end
end

-- A counted list: its length, then its items.
local function list(next, item)
  local items = {}
  for i = 1, tonumber(next()) do items[i] = item(next) end
  return items
end

local function same(next) return next() end
