-- One text message, over and over. The key comes from the environment; at the end one line of JSON with the counts.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY")
wrk.body = '{"messaging_product":"whatsapp","recipient_type":"individual","to":"15550001111","type":"text",'
    .. '"text":{"body":"Your order is on its way"}}'

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\nBENCH {"requests":%d,"us":%d,"not_2xx":%d,"broken":%d,"p50_us":%d,"p99_us":%d}\n',
        summary.requests, summary.duration, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency:percentile(99)))
end
