#!/usr/bin/env python3
"""Lets schemathesis loose on the API.

Starts the real binary on a fresh SQLite database beside a simulated Dropbox team, sets up what an administrator would
(store, plan, rule, users, a group), and has schemathesis read /openapi.json from the server and make requests of it:
good ones, bad ones, and sequences that follow what was made. No answer may be a failure of the server, and every answer
must be as the document says: status, content type, headers, schema; what the schema forbids must be refused.

    fuzz.py --usher PATH --simulator PATH [--seconds N] [--seed N]

Prints what schemathesis finds, and "N passed, N failed" at the end. Exits with 1 when anything failed.
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree

ENVIRONMENT = "0197b2d0-0000-7000-8000-0000000000e1"
CLIENT = "0197b2d0-0000-7000-8000-0000000000c1"
SECRET = "a secret of the fuzzer's"

# What is not asked, and why.
WITHOUT = {
    # Not everything that a schema allows can be done: a name may be taken, an id may lead nowhere, the environment has
    # its one plan already. The answer is then 400 with the fault, as PingOne's is.
    "positive_data_acceptance",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(method, url, token=None, body=None, form=None):
    headers = {}
    data = None
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"], data = "application/json", json.dumps(body).encode()
    if form is not None:
        data = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def wait_for(url, process):
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"a server ended with {process.returncode} before it was ready")
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"nothing answers at {url}")


def set_up(root, simulator, token):
    """What an administrator sets up, so that there is something to be found."""
    base = f"{root}/v1/environments/{ENVIRONMENT}"

    def make(path, body):
        return ask("POST", base + path, token, body)["id"]

    stores = ask("GET", base + "/propagation/stores", token)["_embedded"]["stores"]
    directory = next(store["id"] for store in stores if store["type"] == "directory")
    store = make("/propagation/stores", {
        "type": "Dropbox", "name": "Dropbox", "status": "ACTIVE",
        "configuration": {
            "BASE_URL": f"{simulator}/2", "OAUTH_TOKEN_URL": f"{simulator}/oauth2/token", "AUTHENTICATION_METHOD": "OAUTH",
            "GRANT_TYPE": "refresh_token", "OAUTH_CLIENT_ID": "simulated-app-key",
            "OAUTH_CLIENT_SECRET": "simulated-app-secret", "OAUTH_REFRESH_TOKEN": "simulated-refresh-token",
        },
    })
    plan = make("/propagation/plans", {"name": "Plan"})
    group = make("/groups", {"name": "Engineering"})
    for name in ("ada", "grace"):
        user = make("/users", {"username": name, "email": f"{name}@example.com"})
        make(f"/users/{user}/memberOfGroups", {"id": group})
    make("/propagation/rules", {
        "name": "People", "plan": {"id": plan}, "sourceStore": {"id": directory}, "targetStore": {"id": store},
        "active": True, "groups": [{"id": group}],
    })
    make("/propagation/revisions", {})


def fuzz(root, token, seconds, seed, directory):
    """Runs schemathesis; answers how many operations passed and failed."""
    settings = directory / "schemathesis.toml"
    settings.write_text(f'[parameters]\n"path.environmentId" = "{ENVIRONMENT}"\n')
    report = directory / "report.xml"
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", settings, "run", f"{root}/openapi.json",
        "--header", f"Authorization: Bearer {token}", "--seed", str(seed), "--max-time", str(seconds),
        "--checks", "all", "--exclude-checks", ",".join(sorted(WITHOUT)), "--continue-on-failure",
        "--max-examples", "15", "--no-shrink", "--suppress-health-check", "all", "--warnings", "off",
        "--request-timeout", "30", "--report", "junit", "--report-junit-path", report,
    ]
    print(f"schemathesis for {seconds} s with the seed {seed}", flush=True)
    subprocess.run(list(map(str, command)), check=False, cwd=directory, env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160"})
    cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return len(cases) - len(failed), len(failed)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--usher", required=True)
    arguments.add_argument("--simulator", required=True)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--seed", type=int, default=20260101)
    given = arguments.parse_args()
    usher, simulator_binary = (pathlib.Path(path).resolve() for path in (given.usher, given.simulator))
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        ports = [free_port(), free_port()]
        root, simulator = (f"http://127.0.0.1:{port}" for port in ports)
        log = (directory / "usher.log").open("wb")
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "USHER_LISTEN": f"127.0.0.1:{ports[0]}",
            "USHER_DATABASE_URL": f"sqlite://{directory / 'usher.db'}",
            "USHER_SEAL_KEY_FILE": str(directory / "usher.key"),
            "USHER_LOG": "warn",
            "USHER_BOOTSTRAP_ENVIRONMENT_ID": ENVIRONMENT,
            "USHER_BOOTSTRAP_CLIENT_ID": CLIENT,
            "USHER_BOOTSTRAP_CLIENT_SECRET": SECRET,
        }
        servers = [
            subprocess.Popen([simulator_binary, "--listen", f"127.0.0.1:{ports[1]}", "--members", "5"],
                             stdout=subprocess.DEVNULL),
            subprocess.Popen([usher, "serve"], cwd=directory, env=environment, stdout=log, stderr=log),
        ]
        try:
            wait_for(simulator, servers[0])
            wait_for(f"{root}/readyz", servers[1])
            token = ask("POST", f"{root}/{ENVIRONMENT}/as/token", form={
                "grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET,
            })["access_token"]
            set_up(root, simulator, token)
            passed, failed = fuzz(root, token, given.seconds, given.seed, directory)
        finally:
            for server in servers:
                server.terminate()
            for server in servers:
                server.wait()
        if failed:
            print("the server said:")
            print((directory / "usher.log").read_text(errors="replace")[-4000:])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
