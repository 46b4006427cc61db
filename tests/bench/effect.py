"""Measures how long a key still serves after it was revoked, its tenant suspended or its role narrowed: from the 2xx of
that call at one instance to the first refusal at each of three replicas of `portico serve`, also while their connections
for word of changes are dead. Run it as `.ci/bench effect`.
"""

import http.client, json, os, pathlib, random, shutil, signal, subprocess, sys, tempfile, threading, time, urllib.parse

import measure
from measure import BINARY, ROOT, Processes, fail, free_port, nginx, start_dev, start_serve, write

REPLICAS = 3
REVOCATIONS = int(os.environ.get("BENCH_REVOCATIONS", "100"))
OTHERS = int(os.environ.get("BENCH_OTHERS", "30"))
# Between two sends to a replica, in seconds: what the figures are exact to, with the time of one send.
PAUSE = 0.002
BOUND = 1.0
MESSAGE = json.dumps({"messaging_product": "whatsapp", "to": "15550001111", "type": "text", "text": {"body": "Hello"}})
LISTENERS = "select pid from pg_stat_activity where application_name = 'portico listens' and datname = current_database()"


class Caller:
    """One connection to an instance, kept open."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)

    def call(self, method, path, token, body=None, headers=None):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(headers or {})}
        self.connection.request(method, path, body=body, headers=headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def json(self, method, path, token, body=None):
        status, text = self.call(method, path, token, None if body is None else json.dumps(body))
        if not 200 <= status < 300:
            fail(f"{method} {path} was answered with {status}: {text[:300]!r}")
        return json.loads(text) if text else None


class Watch(threading.Thread):
    """Sends to one replica without end, with the key that is set, and notes when an answer differs from the one before."""

    def __init__(self, url, path):
        super().__init__(daemon=True)
        self.caller, self.path, self.url = Caller(url), path, url
        self.token, self.status, self.changed, self.ended, self.error = None, None, 0.0, False, None
        self.start()

    def run(self):
        try:
            while not self.ended:
                if token := self.token:
                    status, _ = self.caller.call("POST", self.path, token, MESSAGE)
                    now = time.monotonic()
                    if token == self.token and status != self.status:
                        self.changed, self.status = now, status
                time.sleep(PAUSE)
        except Exception as error:
            self.error = error

    def use(self, token):
        self.status, self.token = None, token


def settle(watches, status, seconds=20):
    """Waits until the last answer of every replica is that one."""
    end = time.monotonic() + seconds
    while any(watch.status != status for watch in watches):
        for number, watch in enumerate(watches):
            if watch.error or time.monotonic() > end:
                fail(f"replica {number} answers {watch.status} and not {status} ({watch.error})")
        time.sleep(0.001)


def effect(watches, before, after, act, meanwhile=None):
    """One change: seconds from its 2xx until each replica's answers turned from `before` to `after`."""
    settle(watches, before)
    # Warm for a little while, so that what is remembered is not brand-new.
    time.sleep(random.uniform(0.05, 0.3))
    if meanwhile:
        meanwhile()
    act()
    done = time.monotonic()
    settle(watches, after)
    return [max(0.0, watch.changed - done) for watch in watches]


class Bench:
    def __init__(self, state, replicas):
        self.state = state
        self.here, self.admin, self.operator = Caller(state["gateway_url"]), state["admin_key"], state["operator_token"]
        path = f"/v1/ext/plugin/whatsapp/{state['plugin_id']}/api/v24.0/{state['phone_number_id']}/messages"
        self.watches = [Watch(url, path) for url in replicas]
        self.stopped = []

    def key(self, role):
        made = self.here.json("POST", "/api/v1/api-keys", self.admin, {"name": "for the bench", "role": role})
        for watch in self.watches:
            watch.use(made["secret"])
        return made["id"]

    def revocations(self, rounds, meanwhile=None, afterwards=None):
        rows = []
        for _ in range(rounds):
            key = self.key("messaging")
            rows.append(effect(self.watches, 200, 401, lambda: self.here.json("DELETE", f"/api/v1/api-keys/{key}", self.admin), meanwhile))
            if afterwards:
                afterwards()
        return rows

    def suspensions(self, rounds):
        self.key("messaging")
        tenant, rows = f"/api/v1/tenants/{self.state['tenant_id']}", []
        for _ in range(rounds):
            rows.append(effect(self.watches, 200, 403, lambda: self.here.json("PATCH", tenant, self.operator, {"status": "suspended"})))
            self.here.json("PATCH", tenant, self.operator, {"status": "active"})
        return rows

    def roles(self, rounds):
        wide, narrow = {"permissions": ["messages:send"]}, {"permissions": ["templates:read"]}
        role = self.here.json("POST", "/api/v1/roles", self.admin, {"name": "bench", **wide})
        path, rows = f"/api/v1/roles/{role['id']}", []
        self.key("bench")
        for _ in range(rounds):
            rows.append(effect(self.watches, 200, 403, lambda: self.here.json("PATCH", path, self.admin, narrow)))
            self.here.json("PATCH", path, self.admin, wide)
        return rows

    def sql(self, statement):
        command = [os.environ.get("PSQL", "psql"), self.state["database_url"], "-Atqc", statement]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    def freeze(self):
        """The servers of the listening connections stand still: silence, and no error."""
        self.stopped = [int(pid) for pid in self.sql(LISTENERS)]
        for pid in self.stopped:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(random.uniform(0, 0.25))

    def thaw(self):
        for pid in self.stopped:
            os.kill(pid, signal.SIGCONT)
        self.stopped = []
        self.hearing()

    def cut(self):
        self.sql(LISTENERS.replace("select pid", "select pg_terminate_backend(pid)"))

    def hearing(self):
        """Waits until every replica says that word of changes arrives."""
        for watch in self.watches:
            caller, end = Caller(watch.url), time.monotonic() + 60
            while not caller.json("GET", "/readyz", "")["changes"]:
                if time.monotonic() > end:
                    fail("a replica does not hear of changes again")
                time.sleep(0.05)


def summary(rows):
    def of(times):
        times = sorted(times)
        at = lambda share: times[min(len(times) - 1, int(share * len(times)))] * 1e3
        return {"p50_ms": at(0.5), "p99_ms": at(0.99), "slowest_ms": times[-1] * 1e3}

    return {"times": len(rows), "all": of([one for row in rows for one in row]), "replicas": [of(column) for column in zip(*rows)]}


def report(results):
    print(f"\n{'until the first refusal, ms':34} {'times':>6} {'p50':>8} {'p99':>8} {'slowest':>8}   slowest of each replica")
    for name, result in results.items():
        row, each = result["all"], ", ".join(f"{replica['slowest_ms']:.1f}" for replica in result["replicas"])
        print(f"{name:34} {result['times']:6} {row['p50_ms']:8.1f} {row['p99_ms']:8.1f} {row['slowest_ms']:8.1f}   {each}")
    write({"effect": {"replicas": REPLICAS, "cores": os.cpu_count(), **results}})


def main():
    if not BINARY:
        fail("PORTICO_BIN names no binary")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    processes, bench = Processes(), None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="portico-effect-"))
    folder.chmod(0o755)
    try:
        upstream_port = free_port()
        nginx(processes, folder, "upstream.conf", {"UPSTREAM_PORT": upstream_port})
        _, state, _ = start_dev(processes, folder / "portico")
        replicas = [f"http://127.0.0.1:{start_serve(processes, folder, state, upstream_port)[1]}" for _ in range(REPLICAS)]
        bench = Bench(state, replicas)
        bench.hearing()
        results = {
            "revoked key": summary(bench.revocations(REVOCATIONS)),
            "suspended tenant": summary(bench.suspensions(OTHERS)),
            "changed role": summary(bench.roles(OTHERS)),
            "revoked key, listener silent": summary(bench.revocations(OTHERS, bench.freeze, bench.thaw)),
            "revoked key, listener cut": summary(bench.revocations(OTHERS, bench.cut, bench.hearing)),
        }
        report(results)
        slowest = max(result["all"]["slowest_ms"] for result in results.values())
        if slowest > BOUND * 1e3:
            fail(f"something took effect only after {slowest:.0f} ms")
    finally:
        if bench:
            for pid in bench.stopped:
                os.kill(pid, signal.SIGCONT)
            for watch in bench.watches:
                watch.ended = True
        processes.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


main()
