"""Rotates everything that can rotate while messages are sent through `portico serve`, and reports how many sends failed.
Run it as `.ci/bench rotate`, which builds Portico. It ends with 1 when a send failed or the rate was not held.

Needs nothing but Python: the load is sent from threads with one kept connection each, paced to ROTATE_RATE a second.
"""

import base64, http.client, json, os, pathlib, secrets, shutil, signal, socket, subprocess, sys, tempfile, threading, time
import urllib.request

BINARY = os.environ["PORTICO_BIN"]
RATE = int(os.environ.get("ROTATE_RATE", "520"))
SENDERS = int(os.environ.get("ROTATE_SENDERS", "24"))
TENANTS = int(os.environ.get("ROTATE_TENANTS", "1000"))
REST = float(os.environ.get("ROTATE_REST", "3"))  # seconds of sends before, between and after rotations
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
MESSAGE = json.dumps({"messaging_product": "whatsapp", "to": "15550001111", "type": "text", "text": {"body": "On its way"}}).encode()


def fail(sentence):
    sys.exit(f"rotate: {sentence}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait(what, process, ready, seconds=60):
    end = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            fail(f"{what} did not become ready within {seconds} s (exit {process.poll()})")
        time.sleep(0.01)


def call(method, url, token=None, body=None, headers=()):
    """One call; its JSON. Fails unless it is answered 2xx."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"} if data else {}, method=method)
    if token:
        request.add_header("authorization", f"Bearer {token}")
    for name, value in headers:
        request.add_header(name, value)
    with DIRECT.open(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def answers(url):
    try:
        return call("GET", url) is not None
    except (OSError, ValueError):
        return False


class Load:
    """Senders at a steady rate. `key` may be changed while they run."""

    def __init__(self, ports, path, key):
        self.key, self.path, self.ports = key, path, ports
        self.lock, self.sent, self.failures, self.slowest = threading.Lock(), 0, [], 0.0
        self.running = True
        self.began = time.monotonic()
        self.threads = [threading.Thread(target=self.send, args=(number,), daemon=True) for number in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def send(self, number):
        port = self.ports[number % len(self.ports)]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        every, due = SENDERS / RATE, self.began + number / RATE
        while self.running:
            time.sleep(max(0.0, due - time.monotonic()))
            due += every
            began = time.monotonic()
            try:
                headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
                connection.request("POST", self.path, MESSAGE, headers)
                answer = connection.getresponse()
                text = answer.read()
                failure = None if 200 <= answer.status < 300 else f"{answer.status} {text[:200]!r}"
            except (OSError, http.client.HTTPException) as error:
                failure = repr(error)
                connection.close()
            took = time.monotonic() - began
            with self.lock:
                self.sent += 1
                self.slowest = max(self.slowest, took)
                if failure:
                    self.failures.append((time.monotonic() - self.began, failure))

    def mark(self):
        with self.lock:
            return time.monotonic(), self.sent, len(self.failures)

    def stop(self):
        self.running = False
        for thread in self.threads:
            thread.join(35)


class Place:
    """What a rotation may touch: the replicas' URL, the demo tenant, and the operator's command line."""

    def __init__(self, dev, urls, folder):
        self.dev, self.urls, self.folder = dev, urls, folder
        self.api = urls[0] + "/api/v1"

    def portico(self, *arguments, keys):
        env = environment(self.dev, keys)
        done = subprocess.run([BINARY, *arguments], env=env, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            fail(f"portico {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip().splitlines()[-1]


def environment(dev, keys, **more):
    return {name: value for name, value in os.environ.items() if not name.startswith("PORTICO_")} | {
        "DATABASE_URL": dev["database_url"],
        "PORTICO_MASTER_KEYS": keys,
        "PORTICO_OPERATOR_TOKEN": dev["operator_token"],
        "PORTICO_CHAKRA_URL": dev["sandbox_url"],
    } | more


def master_key(place, load):
    # `portico dev`, which the database and the sandbox belong to, has the old key alone.
    return place.portico("vault", "rotate", "--force", keys=place.both)


def data_keys(place, load):
    return place.portico("vault", "rotate", "--data-keys", "--force", keys=place.both)


def chakra_key(place, load):
    """Another key of the same team becomes the default; a second later, the old one is revoked at Chakra and deleted."""
    api, owner, sandbox = place.api, place.dev["admin_key"], place.dev["sandbox_url"]
    old_token = place.dev["sandbox_chakra_key"]
    old = next(key for key in call("GET", f"{api}/chakra-keys", owner)["data"] if key["is_default"])
    token = call("POST", f"{sandbox}/_sandbox/keys", body={"chakra_key": old_token})["chakra_key"]
    new = call("POST", f"{api}/chakra-keys", owner, {"name": f"k{secrets.token_hex(4)}", "access_token": token})
    call("POST", f"{api}/chakra-keys/{new['id']}/verify", owner)
    call("POST", f"{api}/chakra-keys/{new['id']}/set-default", owner)
    time.sleep(1)
    calls = lambda: sum(use["calls"] for use in call("GET", f"{api}/chakra-keys/{old['id']}/uses", owner)["data"])
    before = calls()
    while (time.sleep(0.6), after := calls())[1] != before:
        before = after
    call("DELETE", f"{sandbox}/_sandbox/keys", body={"chakra_key": old_token})
    call("DELETE", f"{api}/chakra-keys/{old['id']}", owner)
    return f"the old key was last used for {before} calls"


def api_key(place, load):
    """The key that sends gets a new secret. The old one goes on for a second, and then the senders change over."""
    api, owner = place.api, place.dev["admin_key"]
    key = next(key for key in call("GET", f"{api}/api-keys?limit=200", owner)["data"] if key["prefix"] == load.key[:len(key["prefix"])])
    made = call("POST", f"{api}/api-keys/{key['id']}/rotate", owner, {"overlap_seconds": 600})
    time.sleep(1)
    load.key = made["secret"]
    time.sleep(1)
    old = call("GET", f"{api}/api-keys/{key['id']}", owner)["old_secrets"][0]
    return f"the old secret was used {old['uses']} times in its overlap"


def jwt_key(place, load):
    """The senders bear a token; the key that signs tokens is replaced; then they bear one that the new key signed."""
    api, operator, key = place.api, place.dev["operator_token"], load.key
    mint = lambda: call("POST", f"{api}/tokens", key, {"expires_in": 600})["token"]
    kid = lambda token: json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]
    first = load.key = mint()
    time.sleep(1)
    call("POST", f"{api}/signing-keys/rotate", operator, {"active_in_seconds": 5})
    end = time.monotonic() + 30
    while kid(second := mint()) == kid(first):
        if time.monotonic() > end:
            fail("the new signing key does not sign")
        time.sleep(0.25)
    time.sleep(1)  # tokens of both keys are accepted
    load.key = second
    return "tokens of the old and the new key were accepted"


# What rotates, in order. To add one, add a function that does it, which may set `load.key`, and a line here.
ROTATIONS = [
    ("master key", master_key),
    ("data keys", data_keys),
    ("Chakra key", chakra_key),
    ("API key", api_key),
    ("JWT key", jwt_key),
]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="portico-rotate-"))
    # Not 0700: the account that the private Postgres runs under has to reach its data.
    folder.chmod(0o755)
    processes = []

    def start(command, name, env):
        with open(folder / f"{name}.log", "ab") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, env=env, cwd=folder, start_new_session=True)
        processes.append((process, signal.SIGINT if "dev" in command else signal.SIGTERM))
        return process

    try:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PORTICO_")}
        binds = [word for flag in ("--bind", "--sandbox-bind", "--metrics-bind") for word in (flag, "127.0.0.1:0")]
        process = start([BINARY, "dev", "--data-dir", str(folder / "data"), *binds], "dev", clean)
        state = folder / "data" / "dev.json"
        wait("portico dev", process, state.exists)
        dev = json.loads(state.read_text())
        for number in range(TENANTS):
            call("POST", f"{dev['gateway_url']}/api/v1/tenants", dev["operator_token"], {"name": f"T{number}"})
        both = "k2:" + base64.b64encode(secrets.token_bytes(32)).decode() + "," + dev["master_keys"]
        ports = [free_port(), free_port()]
        for port in ports:
            binds = {"PORTICO_BIND": f"127.0.0.1:{port}", "PORTICO_METRICS_BIND": f"127.0.0.1:{free_port()}"}
            process = start([BINARY, "serve"], f"serve-{port}", environment(dev, both, **binds))
            wait("portico serve", process, lambda: answers(f"http://127.0.0.1:{port}/readyz"))
        place = Place(dev, [f"http://127.0.0.1:{port}" for port in ports], folder)
        place.both = both
        path = f"/v1/ext/plugin/whatsapp/{dev['plugin_id']}/api/v24.0/{dev['phone_number_id']}/messages"
        load = Load(ports, path, dev["messaging_key"])
        time.sleep(REST)
        rows = []
        for name, rotation in ROTATIONS:
            (at, sent, failed) = load.mark()
            said = rotation(place, load)
            took = time.monotonic() - at
            time.sleep(REST)
            (end, sent_after, failed_after) = load.mark()
            rows.append({"what": name, "took_s": took, "sent": sent_after - sent, "failed": failed_after - failed,
                         "per_second": (sent_after - sent) / (end - at), "said": said})
        load.stop()
        report(load, rows)
    finally:
        for process, how in reversed(processes):
            if process.poll() is None:
                process.send_signal(how)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def report(load, rows):
    print(f"{'rotation':12} {'took s':>8} {'sends':>8} {'per s':>8} {'failed':>8}")
    for row in rows:
        print(f"{row['what']:12} {row['took_s']:8.2f} {row['sent']:8} {row['per_second']:8.0f} {row['failed']:8}   {row['said']}")
    for at, failure in load.failures[:5]:
        print(f"failed after {at:.2f} s: {failure}")
    slowest = min(row["per_second"] for row in rows)
    print(f"{load.sent} sends, {len(load.failures)} failed, the slowest answer took {load.slowest * 1e3:.0f} ms; "
          f"never fewer than {slowest:.0f}/s; {TENANTS} tenants, 2 replicas")
    target = ROOT / "target" / "rotate.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"rows": rows, "sends": load.sent, "failed": len(load.failures), "slowest_s": load.slowest}, indent=1) + "\n")
    if load.failures or slowest < 500:
        fail("a send failed, or fewer than 500 were sent in a second")


main()
