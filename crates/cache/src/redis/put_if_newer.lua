#!lua
-- Sets KEYS[1] to the frame ARGV[1] for ARGV[2] ms (0: not at all) unless the frame that is there
-- has the same format and the same or a higher seq. Bytes are compared one by one: comparing
-- strings would follow the server's locale.
local old = redis.call('GETRANGE', KEYS[1], 0, 8)
if #old == 9 and old:byte(1) == ARGV[1]:byte(1) then
  local newer = false
  for at = 2, 9 do
    local a, b = old:byte(at), ARGV[1]:byte(at)
    if a ~= b then
      newer = a < b
      break
    end
  end
  if not newer then
    return 0
  end
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
