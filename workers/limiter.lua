-- The batch limiter: GCRA (ITU-T I.371) over many keys in one call.
--
-- KEYS[1]            cadenza:limit:born; a hash: `run`, the server's run id, and
--                    `at`, since when this store knows all that was granted
-- KEYS[i+1]          cadenza:limit:<quota key>; a string: the theoretical
--                    arrival time (TAT), and when that was written, both in
--                    microseconds of schedule time; expires when it is past
-- ARGV[1]            microseconds that schedule time is ahead of this server's
-- ARGV[2]            the microsecond at which it stands still (time-lapse), or 0
-- ARGV[3]            number of requests
-- ARGV[3i+1] to [3i+3]  interval in microseconds and burst of KEYS[i+1], and
--                    whether time may stand still for it: gaps yes, rates no
-- then, per request: how many keys it draws on, and for each its index and cost
--
-- Returns two numbers per request: 0 0 when granted, else the microsecond
-- at which to ask again and the index of the key that refused.
--
-- A restarted or emptied server may have forgotten grants, also of keys that
-- it still has. So every key counts as used up at the moment of its birth,
-- and the first permits come one interval later: nothing overshoots.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2]) + tonumber(ARGV[1])
local running, stands = now, tonumber(ARGV[2])
if stands == 0 then stands = running end
local count = tonumber(ARGV[3])
local keys = #KEYS - 1

local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local known = redis.call('HMGET', KEYS[1], 'run', 'at')
local born = tonumber(known[2])
if known[1] ~= run or not born then
  born = now
  redis.call('HSET', KEYS[1], 'run', run, 'at', string.format('%.0f', now))
end

local tat, interval, burst, time_of, waiting, changed = {}, {}, {}, {}, {}, {}
local stored = redis.call('MGET', unpack(KEYS, 2))
for i = 1, keys do
  interval[i] = tonumber(ARGV[3 * i + 1])
  burst[i] = tonumber(ARGV[3 * i + 2])
  time_of[i] = ARGV[3 * i + 3] == '1' and stands or running
  waiting[i] = 0
  local full = burst[i] * interval[i]
  local ahead, written = string.match(stored[i] or '0 0', '(%d+) (%d+)')
  tat[i] = math.max(tonumber(ahead), born + full)
  -- A clock that was set back must not block for as long as it went back.
  if math.max(tonumber(written), born) > time_of[i] then tat[i] = time_of[i] + full end
end

local answer, at = {}, 3 * keys + 4
for _ = 1, count do
  local first, last = at + 1, at + 2 * tonumber(ARGV[at])
  local retry, refused = 0, 0
  for position = first, last, 2 do
    local i, cost = tonumber(ARGV[position]), tonumber(ARGV[position + 1])
    local free = tat[i] - math.max(0, burst[i] - cost) * interval[i]
    if free > time_of[i] and free + waiting[i] * interval[i] > retry then
      retry, refused = free + waiting[i] * interval[i], i
    end
  end
  for position = first, last, 2 do
    local i, cost = tonumber(ARGV[position]), tonumber(ARGV[position + 1])
    if refused == 0 then
      tat[i] = math.max(time_of[i], tat[i]) + cost * interval[i]
      changed[i] = true
    elseif refused == i then
      waiting[i] = waiting[i] + cost
    end
  end
  answer[#answer + 1] = string.format('%.0f', retry)
  answer[#answer + 1] = refused
  at = last + 1
end

for i = 1, keys do
  if changed[i] then
    local left = math.ceil((tat[i] - time_of[i]) / 1000) + 1000
    local value = string.format('%.0f %.0f', tat[i], time_of[i])
    redis.call('SET', KEYS[i + 1], value, 'PX', string.format('%.0f', left))
  end
end
return answer
