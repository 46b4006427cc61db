"""Measures a proxied send through Portico and through two peers built from nginx, in one run on one machine, and how
fast Portico starts. Run it as `.ci/bench`, which installs the peers, builds Portico and names the settings.
"""

import base64, contextlib, hashlib, json, os, pathlib, shutil, signal, socket, statistics, subprocess, sys, tempfile, time
import urllib.error, urllib.request

PEER_FILES = pathlib.Path(__file__).resolve().parent
ROOT = PEER_FILES.parent.parent
MODULES = pathlib.Path("/usr/lib/nginx/modules")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "6"))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "32"))
STARTS = int(os.environ.get("BENCH_STARTS", "5"))
BINARY = os.environ.get("PORTICO_BIN")  # without it, the peers alone
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fail(sentence):
    sys.exit(f"bench: {sentence}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Processes:
    """Everything that this run started, stopped by pid at its end."""

    def __init__(self):
        self.running = []

    def start(self, command, log, env=None):
        with open(log, "ab") as out:
            # A session of its own: Ctrl-C reaches this script alone, which then stops the others in order.
            process = subprocess.Popen(command, stdout=out, stderr=out, env=env or os.environ, start_new_session=True)
        process.log = log
        self.running.append(process)
        return process

    def stop(self, process, how=signal.SIGTERM):
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.remove(process)

    def stop_all(self):
        for process in reversed(self.running[:]):
            self.stop(process, signal.SIGINT if "dev" in process.args else signal.SIGTERM)


def wait(what, process, ready, seconds=30):
    """Asks until `ready` holds; gives the seconds it took."""
    began = time.monotonic()
    while not ready():
        if process.poll() is not None or time.monotonic() - began > seconds:
            tail = pathlib.Path(process.log).read_text(errors="replace")[-2000:]
            fail(f"{what} did not become ready within {seconds} s (exit {process.poll()}); its last words:\n{tail}")
        time.sleep(0.002)
    return time.monotonic() - began


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


def answers(url):
    with contextlib.suppress(OSError, urllib.error.URLError):
        return DIRECT.open(url, timeout=1).status == 200
    return False


def cpu_us(pid):
    """Processor time, user and system, of a process and those beneath it that still run, in microseconds."""
    parents, times = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
                times[int(entry.name)] = (int(fields[11]) + int(fields[12])) * TICK_US
    family = {pid}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(times.get(member, 0) for member in family)


def nginx(processes, folder, name, values):
    config = (PEER_FILES / name).read_text()
    for key, value in values.items():
        config = config.replace(f"@{key}@", str(value))
    (folder / name).write_text(config)
    process = processes.start(["nginx", "-p", str(folder), "-e", "start.log", "-c", name], folder / f"{name}.log")
    wait(name, process, lambda: listens(values.get("PORT", values["UPSTREAM_PORT"])))
    return process


def redis(processes, folder, port, rows):
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    process = processes.start(command, folder / "redis.log")
    wait("redis", process, lambda: listens(port))
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for key, value in rows.items():
            words = [b"SET", key.encode(), value.encode()]
            connection.sendall(b"*3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
            if connection.recv(16) != b"+OK\r\n":
                fail("redis did not take the caller's row")
    return process


def start_dev(processes, data_dir):
    """Starts `portico dev`; gives the process, what dev.json says, and the seconds until it was there."""
    data_dir.mkdir(parents=True, exist_ok=True)
    state = data_dir / "dev.json"
    state.unlink(missing_ok=True)
    binds = [word for flag in ("--bind", "--sandbox-bind", "--metrics-bind") for word in (flag, "127.0.0.1:0")]
    process = processes.start([BINARY, "dev", "--data-dir", str(data_dir), *binds], data_dir / "log")
    took = wait("portico dev", process, state.exists, 60)
    return process, json.loads(state.read_text()), took


def start_serve(processes, folder, dev, upstream_port):
    """Starts `portico serve` on the database of `portico dev`; gives the process, its port, and the seconds until ready."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("PORTICO_")} | {
        "DATABASE_URL": dev["database_url"],
        "PORTICO_MASTER_KEYS": dev["master_keys"],
        "PORTICO_OPERATOR_TOKEN": dev["operator_token"],
        "PORTICO_CHAKRA_URL": f"http://127.0.0.1:{upstream_port}",
        "PORTICO_BIND": f"127.0.0.1:{port}",
        "PORTICO_METRICS_BIND": f"127.0.0.1:{free_port()}",
    }
    process = processes.start([BINARY, "serve"], folder / "serve.log", env)
    took = wait("portico serve", process, lambda: answers(f"http://127.0.0.1:{port}/readyz"))
    return process, port, took


def starts(processes, folder, upstream_port):
    """How long starts take, in seconds: a new data directory, the same again, and `serve` on its database."""
    taken = {"dev_new": [], "dev_again": [], "serve": []}
    for number in range(STARTS):
        data_dir = folder / f"start-{number}"
        for kind in ("dev_new", "dev_again"):
            dev, state, took = start_dev(processes, data_dir)
            taken[kind].append(took)
            if kind == "dev_new":
                processes.stop(dev, signal.SIGINT)
        serve, _, took = start_serve(processes, folder, state, upstream_port)
        taken["serve"].append(took)
        processes.stop(serve)
        processes.stop(dev, signal.SIGINT)
    return taken


def wrk(peer, seconds):
    """One run of load on a peer; gives what wrk counted and the processor time per request."""
    before = [cpu_us(pid) for pid in (peer["pid"], peer["store"]) if pid]
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s", str(PEER_FILES / "send.lua"), peer["url"]]
    out = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "BENCH_KEY": peer["key"]}, check=True)
    after = [cpu_us(pid) for pid in (peer["pid"], peer["store"]) if pid]
    line = next(line for line in out.stdout.splitlines() if line.startswith("BENCH "))
    counted = json.loads(line.removeprefix("BENCH "))
    if counted["requests"] == 0 or counted["not_2xx"] or counted["broken"]:
        fail(f"{peer['name']} did not answer every request with 2xx, so its figures mean nothing: {counted}")
    spent = [(late - early) / counted["requests"] for early, late in zip(before, after)]
    return {"cpu_us": spent[0], "store_us": spent[1] if len(spent) > 1 else 0.0,
            "per_second": counted["requests"] / counted["us"] * 1e6, "p50_ms": counted["p50_us"] / 1e3, "p99_ms": counted["p99_us"] / 1e3}


def peers(processes, folder, upstream_port):
    """The two peers, and Portico unless it is left out."""
    key, plugin, number = "ptc_bench_caller", "11111111-2222-4333-8444-555555555555", "200300400500600"
    values = {"UPSTREAM_PORT": upstream_port, "WORKERS": 2, "MODULES": MODULES}
    send = "http://127.0.0.1:{}/v1/ext/plugin/whatsapp/{}/api/v24.0/{}/messages"
    made = []

    def add(name, process, port, store=None):
        made.append({"name": name, "pid": process.pid, "store": store, "key": key, "url": send.format(port, plugin, number)})

    port = free_port()
    add("nginx", nginx(processes, folder, "nginx-plain.conf", {**values, "PORT": port}), port)
    name = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    redis_port, port = free_port(), free_port()
    store = redis(processes, folder, redis_port, {name: f"{plugin}|the-tenants-token"})
    add("nginx-lua", nginx(processes, folder, "nginx-lua.conf", {**values, "PORT": port, "REDIS_PORT": redis_port}), port, store.pid)
    if not BINARY:
        return made, None
    taken = starts(processes, folder, upstream_port)
    dev, state, _ = start_dev(processes, folder / "portico")
    key, plugin, number = state["messaging_key"], state["plugin_id"], state["phone_number_id"]
    serve, port, _ = start_serve(processes, folder, state, upstream_port)
    # The database's processes are those of `portico dev`, whose own gateway idles meanwhile.
    add("portico", serve, port, dev.pid)
    return made, taken


def write(part):
    """Writes figures into target/bench.json, beside those that other parts wrote."""
    target = ROOT / "target" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    whole = json.loads(target.read_text()) if target.exists() else {}
    target.write_text(json.dumps(whole | part, indent=1) + "\n")
    print(f"written to {target.relative_to(ROOT)}")


def report(made, runs, taken):
    median = {name: {field: statistics.median(run[field] for run in rows) for field in rows[0]} for name, rows in runs.items()}
    print(f"\n{'':10} {'cpu µs/req':>11} {'store µs/req':>13} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8}   median of {ROUNDS} × {SECONDS} s")
    for name, row in median.items():
        print(f"{name:10} {row['cpu_us']:11.1f} {row['store_us']:13.1f} {row['per_second']:9.0f} {row['p50_ms']:8.2f} {row['p99_ms']:8.2f}")
    result = {"rounds": ROUNDS, "seconds": SECONDS, "connections": CONNECTIONS, "cores": os.cpu_count(), "median": median, "runs": runs}
    if taken:
        result["cpu_ratio"] = {name: median["portico"]["cpu_us"] / median[name]["cpu_us"] for name in ("nginx", "nginx-lua")}
        result["starts_s"] = {kind: {"median": statistics.median(all_), "worst": max(all_), "all": all_} for kind, all_ in taken.items()}
        print("processor time per request, portico : " + ", ".join(f"{name} = {ratio:.2f}" for name, ratio in result["cpu_ratio"].items()))
        print("starts, s: " + ", ".join(f"{kind} {row['median']:.2f} (worst {row['worst']:.2f})" for kind, row in result["starts_s"].items()))
    write(result)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    processes = Processes()
    # Not 0700: the account that the private Postgres runs under has to reach its data.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="portico-bench-"))
    folder.chmod(0o755)
    try:
        upstream_port = free_port()
        nginx(processes, folder, "upstream.conf", {"UPSTREAM_PORT": upstream_port})
        made, taken = peers(processes, folder, upstream_port)
        runs = {peer["name"]: [] for peer in made}
        for peer in made:
            wrk(peer, 1)
        for _ in range(ROUNDS):
            for peer in made:
                runs[peer["name"]].append(wrk(peer, SECONDS))
        report(made, runs, taken)
    finally:
        processes.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
