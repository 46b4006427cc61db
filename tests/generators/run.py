"""Makes clients of the served document with generators that nobody here wrote, compiles them, and lets each send.

Usage: run.py PORTICO FOLDER [NAME…]. PORTICO is the binary, FOLDER where clients are made (and where the packages of
package.json and requirements.txt are: `node_modules` and `venv`). Without names, all of them. Ends with 1 if any fails.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

SOURCES = Path(__file__).parent
# How long one step may take, in seconds: the Rust clients are built with all that they need.
STEP = 900
# The one package that a client in Go needs, as Debian installs it.
GO_VALIDATOR = Path("/usr/share/gocode/src/gopkg.in/validator.v2")


class Failed(Exception):
    """A step that did not end well, with what it said."""


class Workshop:
    """Where clients are made."""

    def __init__(self, folder: Path, environment: dict[str, str]):
        self.folder, self.environment = folder, environment
        for source in SOURCES.iterdir():
            if source.suffix in (".ts", ".py"):
                shutil.copy(source, folder)

    def run(self, *arguments: str, within: str = ".") -> str:
        done = subprocess.run(
            arguments,
            cwd=self.folder / within,
            env=os.environ | self.environment | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=STEP,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            raise Failed(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done.stdout

    def node(self, tool: str, *arguments: str) -> str:
        return self.run(f"node_modules/.bin/{tool}", *arguments)

    def python(self, tool: str, *arguments: str, within: str = ".") -> str:
        return self.run(str(self.folder / "venv/bin" / tool), *arguments, within=within)

    def compile(self, name: str) -> None:
        """Compiles a program and the client that it imports, strictly."""
        settings = json.loads((SOURCES / "tsconfig.json").read_text()) | {"files": [f"{name}.ts"]}
        (self.folder / f"tsconfig.{name}.json").write_text(json.dumps(settings))
        self.node("tsc", "--project", f"tsconfig.{name}.json")

    def drive(self, name: str) -> None:
        self.node("esbuild", f"{name}.ts", "--bundle", "--platform=node", "--format=esm", f"--outfile={name}.mjs")
        self.ends_well(self.run("node", f"{name}.mjs"))

    def cargo(self, name: str) -> None:
        """Builds and runs a package of its own, with its own lock file."""
        shutil.copytree(SOURCES / name, self.folder / name, dirs_exist_ok=True)
        self.environment["CARGO_TARGET_DIR"] = str(self.folder / "cargo")
        self.ends_well(self.run("cargo", "run", "--quiet", "--locked", within=name))

    def ends_well(self, said: str) -> None:
        if not said.endswith("done\n"):
            raise Failed(f"the program ended early: {said}")


def hey_api(at: Workshop) -> None:
    at.node("openapi-ts", "-i", "portico.json", "-o", "hey-api", "-c", "@hey-api/client-fetch")
    at.compile("hey-api")
    at.drive("hey-api")


def swagger_typescript_api(at: Workshop) -> None:
    made = ("-p", "portico.json", "-o", "swagger-typescript-api", "-n", "api.ts", "--silent")
    at.node("swagger-typescript-api", "generate", *made)
    at.compile("swagger-typescript-api")
    at.drive("swagger-typescript-api")


def orval(at: Workshop) -> None:
    at.node("orval", "--input", "portico.json", "--output", "orval/api.ts", "--client", "fetch")
    at.compile("orval")
    at.drive("orval")


def openapi_python_client(at: Workshop) -> None:
    names = {"package_name_override": "portico_client", "project_name_override": "portico-client", "post_hooks": []}
    (at.folder / "openapi-python-client.json").write_text(json.dumps(names))
    made = ("--path", "portico.json", "--output-path", "python", "--overwrite", "--config", "openapi-python-client.json")
    at.python("openapi-python-client", "generate", *made)
    at.python("mypy", "--no-error-summary", "--ignore-missing-imports", "portico_client", within="python")
    at.environment["PYTHONPATH"] = str(at.folder / "python")
    at.ends_well(at.python("python", "openapi_python_client.py"))


def openapi_generator(at: Workshop, kind: str, output: str, *more: str) -> None:
    at.python("openapi-generator-cli", "generate", "-g", kind, "-i", "portico.json", "-o", output, *more)


def typescript_fetch(at: Workshop) -> None:
    openapi_generator(at, "typescript-fetch", "typescript-fetch")
    at.compile("typescript-fetch")
    at.drive("typescript-fetch")


def python(at: Workshop) -> None:
    openapi_generator(at, "python", "openapi-generator-python", "--additional-properties=packageName=portico_og")
    at.environment["PYTHONPATH"] = str(at.folder / "openapi-generator-python")
    at.ends_well(at.python("python", "openapi_generator_python.py"))


def rust(at: Workshop) -> None:
    openapi_generator(at, "rust", "openapi-generator-rust")
    at.cargo("rust")


def progenitor(at: Workshop) -> None:
    at.environment["PORTICO_DOCUMENT"] = str(at.folder / "portico-3.0.json")
    at.cargo("progenitor")


def go(at: Workshop) -> None:
    client = "openapi-generator-go"
    openapi_generator(at, "go", client, "--git-host", "example.com", "--git-user-id", "portico", "--git-repo-id", "client")
    program = at.folder / client / "flow"
    program.mkdir(exist_ok=True)
    shutil.copy(SOURCES / "go/main.go", program)
    if GO_VALIDATOR.exists():
        vendor = at.folder / client / "vendor"
        shutil.copytree(GO_VALIDATOR, vendor / "gopkg.in/validator.v2", dirs_exist_ok=True)
        version = next(line for line in (at.folder / client / "go.mod").read_text().splitlines() if "validator" in line)
        (vendor / "modules.txt").write_text(f"# {version.strip()}\n## explicit\ngopkg.in/validator.v2\n")
    at.environment["GOCACHE"] = str(at.folder / "go-cache")
    at.run("go", "vet", ".", "./flow", within=client)
    at.ends_well(at.run("go", "run", "./flow", within=client))


GENERATORS = {
    "hey-api": hey_api,
    "swagger-typescript-api": swagger_typescript_api,
    "orval": orval,
    "openapi-python-client": openapi_python_client,
    "openapi-generator-typescript-fetch": typescript_fetch,
    "openapi-generator-python": python,
    "openapi-generator-rust": rust,
    "openapi-generator-go": go,
    "progenitor": progenitor,
}


def started(binary: Path, folder: Path) -> tuple[subprocess.Popen, dict]:
    """A `portico dev` of its own, and the links that it wrote."""
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    free = [argument for name in ("bind", "sandbox-bind", "metrics-bind") for argument in (f"--{name}", "127.0.0.1:0")]
    log = (folder / "portico.log").open("w")
    process = subprocess.Popen([binary, "dev", "--data-dir", data, *free], stdout=log, stderr=log, cwd=folder)
    end = time.monotonic() + 120
    while not (data / "dev.json").exists():
        if process.poll() is not None or time.monotonic() > end:
            process.terminate()
            sys.exit(f"portico dev did not start: see {log.name}")
        time.sleep(0.2)
    return process, json.loads((data / "dev.json").read_text())


def team(sandbox: str) -> str:
    """The access token of a new team of the emulated Chakra."""
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{sandbox}/_sandbox/teams", b"{}", headers)) as answer:
        return json.load(answer)["chakra_key"]


def main() -> int:
    binary, folder, wanted = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3:]
    if unknown := set(wanted) - set(GENERATORS):
        sys.exit(f"no such generator: {', '.join(sorted(unknown))}; there are {', '.join(GENERATORS)}")
    process, links = started(binary, folder)
    failures = 0
    try:
        for served, kept in (("openapi.json", "portico.json"), ("openapi-3.0.json", "portico-3.0.json")):
            with urllib.request.urlopen(f"{links['gateway_url']}/{served}") as answer:
                (folder / kept).write_bytes(answer.read())
        for name in wanted or GENERATORS:
            began = time.monotonic()
            environment = {
                "PORTICO_URL": links["gateway_url"],
                "SANDBOX_URL": links["sandbox_url"],
                "OPERATOR_TOKEN": links["operator_token"],
                "CHAKRA_KEY": team(links["sandbox_url"]),
            }
            try:
                GENERATORS[name](Workshop(folder, environment))
                print(f"ok      {name} ({time.monotonic() - began:.0f} s)", flush=True)
            except (Failed, subprocess.TimeoutExpired) as error:
                failures += 1
                print(f"FAILED  {name}: {error}", flush=True)
    finally:
        process.terminate()
        process.wait(60)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
