#!lua flags=no-writes
-- Which commands the user may not give, without giving any.
--
-- KEYS: none
-- ARGV: commands, each a JSON array of its words
-- Returns the numbers, from 1, of those that are refused

local refused = {}
for i, command in ipairs(ARGV) do
  if not redis.acl_check_cmd(unpack(cjson.decode(command))) then table.insert(refused, i) end
end
return refused
