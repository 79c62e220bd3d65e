-- The facts of HAProxy's message, and one line of JSON when all is done.
wrk.headers["Authorization"] = "Bearer " .. string.rep("eyJhbGciOiJFUzI1NiJ9", 40)

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50":%.1f,"p99":%.1f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
