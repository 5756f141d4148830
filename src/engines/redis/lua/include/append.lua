-- Appending to a stream: the entry's id is its position, and the millisecond in it is the time of the event.
--@include position

-- RFC 3339, UTC, of milliseconds since 1970. The date is that of Howard Hinnant's civil_from_days.
local function rfc3339(ms)
  local days = math.floor(ms / 86400000)
  local rest = ms - days * 86400000
  local shifted = days + 719468
  local era = math.floor(shifted / 146097)
  local dayOfEra = shifted - era * 146097
  local yearOfEra = math.floor((dayOfEra - math.floor(dayOfEra / 1460) + math.floor(dayOfEra / 36524)
    - math.floor(dayOfEra / 146096)) / 365)
  local dayOfYear = dayOfEra - (365 * yearOfEra + math.floor(yearOfEra / 4) - math.floor(yearOfEra / 100))
  local shiftedMonth = math.floor((5 * dayOfYear + 2) / 153)
  local day = dayOfYear - math.floor((153 * shiftedMonth + 2) / 5) + 1
  local month = shiftedMonth < 10 and shiftedMonth + 3 or shiftedMonth - 9
  local year = yearOfEra + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day, math.floor(rest / 3600000),
    math.floor(rest / 60000) % 60, math.floor(rest / 1000) % 60, rest % 1000)
end

-- All that one script appends to a stream has one time.
local stamped = {}

-- Returns the entry's position and its milliseconds.
local function append(stream, ...)
  local id = redis.call('XADD', stream, stamped[stream] and (stamped[stream] .. '-*') or '*', ...)
  stamped[stream] = string.match(id, '^%d+')
  return position(id), tonumber(stamped[stream])
end

-- Puts more members at the end of a JSON object that is not empty.
local function extended(object, members)
  return string.sub(object, 1, -2) .. ',' .. members .. '}'
end
