-- Publishes on a channel. A user who lacks the right to it must not end a script between its writes.
local function tell(channel, message) redis.pcall('PUBLISH', channel, message) end
