-- The batch limiter: GCRA (ITU-T I.371) over many keys in one call.
--
-- KEYS[i]            cadenza:limit:<quota key>; a string: the theoretical
--                    arrival time (TAT) in microseconds of schedule time.
--                    Never expires: there is one per account and provider.
-- ARGV[1]            microseconds that schedule time is ahead of this server's
-- ARGV[2]            number of requests
-- ARGV[2i+1], [2i+2] interval in microseconds and burst of KEYS[i]
-- then, per request: how many keys it draws on, and their indexes
--
-- Returns two numbers per request: 0 0 when granted, else the microsecond
-- at which to ask again and the index of the key that refused.
--
-- A missing key is a restarted server, not an idle account: it starts empty,
-- so the first permit comes one interval later and nothing overshoots.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2]) + tonumber(ARGV[1])
local count = tonumber(ARGV[2])

local tat, interval, tolerance, waiting, changed = {}, {}, {}, {}, {}
local stored = redis.call('MGET', unpack(KEYS))
for i = 1, #KEYS do
  interval[i] = tonumber(ARGV[2 * i + 1])
  local burst = tonumber(ARGV[2 * i + 2])
  tolerance[i] = (burst - 1) * interval[i]
  waiting[i] = 0
  -- No honest TAT is further ahead than this: guards against clocks set back.
  local most = now + burst * interval[i]
  tat[i] = stored[i] and math.min(tonumber(stored[i]), most) or most
  changed[i] = not stored[i]
end

local answer, at = {}, 2 * #KEYS + 3
for _ = 1, count do
  local first, last = at + 1, at + tonumber(ARGV[at])
  local retry, refused = 0, 0
  for position = first, last do
    local i = tonumber(ARGV[position])
    local free = tat[i] - tolerance[i]
    if free > now and free + waiting[i] * interval[i] > retry then
      retry, refused = free + waiting[i] * interval[i], i
    end
  end
  if refused > 0 then
    waiting[refused] = waiting[refused] + 1
  else
    for position = first, last do
      local i = tonumber(ARGV[position])
      tat[i] = math.max(now, tat[i]) + interval[i]
      changed[i] = true
    end
  end
  answer[#answer + 1] = string.format('%.0f', retry)
  answer[#answer + 1] = refused
  at = last + 1
end

for i = 1, #KEYS do
  if changed[i] then
    redis.call('SET', KEYS[i], string.format('%.0f', tat[i]))
  end
end
return answer
