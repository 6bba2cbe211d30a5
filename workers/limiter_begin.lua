-- Asked at the moment a touch begins: the gap counts from one beginning to the next.
--
-- KEYS[2i-1]   cadenza:limit:<quota key>; its TAT and when it was written
-- KEYS[2i]     cadenza:limit:<quota key>:began; when the last one began, in
--              microseconds of schedule time; expires one interval later
-- ARGV[1]      microseconds that schedule time is ahead of this server's
-- ARGV[2]      the microsecond at which it stands still (time-lapse), or 0
-- ARGV[i+2]    interval in microseconds
--
-- Returns 0 0 and notes the beginning, or the microsecond at which it may
-- begin and the number of the key that refused. A beginning that a restarted
-- server forgot was granted before the restart; after it, the next grant
-- comes one interval later (limiter.lua).

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2]) + tonumber(ARGV[1])
if ARGV[2] ~= '0' then now = tonumber(ARGV[2]) end
local began = redis.call('MGET', unpack(KEYS))
for i = 1, #KEYS / 2 do
  local last, interval = tonumber(began[2 * i] or 0), tonumber(ARGV[i + 2])
  -- Later than now: the clock was set back.
  if last <= now and now < last + interval then
    return {string.format('%.0f', last + interval), i}
  end
end
for i = 1, #KEYS / 2 do
  local interval = tonumber(ARGV[i + 2])
  local ahead, written = string.match(began[2 * i - 1] or '0 0', '(%d+) (%d+)')
  local tat = now + interval
  if tonumber(written) <= now then tat = math.max(tat, tonumber(ahead)) end
  local left = string.format('%.0f', math.ceil((tat - now) / 1000) + 1000)
  redis.call('SET', KEYS[2 * i - 1], string.format('%.0f %.0f', tat, now), 'PX', left)
  redis.call('SET', KEYS[2 * i], string.format('%.0f', now), 'PX', left)
end
return {'0', 0}
