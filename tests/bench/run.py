#!/usr/bin/env python3
"""Measures the gateway against yardsticks of the same run and says what keeps its limit. Called by ./dev bench.

Every number is a ratio to something measured beside it, interleaved, on the same machine: a bare Beast echo, the npm
package ws, a bare SQLite writer on the same disk, ajv. So a slow machine changes the numbers and not the verdict.
"""
import argparse
import contextlib
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "support")]
import cluster  # noqa: E402
import gateway as gateways  # noqa: E402
from peer import CAPABILITIES, Ledger, client, pair  # noqa: E402

ROUNDS = 3


def median(values):
    return statistics.median(values)


class Bench:
    def __init__(self, options):
        self.build = Path(options.build).resolve()
        self.options = options
        self.packages = self.build / "bench-packages"
        self.rows = []
        gateways.Settings.gatehouse = str(self.build / "gatehouse")

    # --- programs

    def program(self, name):
        return str(self.build / "tests" / f"bench_{name}")

    def measure(self, name, *arguments, stdin=None, **environment):
        """Runs a measuring program and returns the JSON it prints."""
        done = subprocess.run([self.program(name), *map(str, arguments)], input=stdin, stdout=subprocess.PIPE, text=True,
                              env={**os.environ, **environment}, check=True, timeout=300)
        return json.loads(done.stdout.splitlines()[-1])

    @contextlib.contextmanager
    def server(self, *command):
        """A yardstick's server, which prints where it listens."""
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=self.packages)
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.terminate()
            process.wait(10)
            process.stdout.close()

    @contextlib.contextmanager
    def gateway(self, config="log_level = \"warn\"\n", **named):
        one = gateways.Gateway(config=config, **named).start()
        try:
            yield one
        finally:
            one.stop()

    def install_packages(self):
        """The yardsticks of npm, as the lock file says, beside the build."""
        stamp = self.packages / "node_modules/.package-lock.json"
        lock = HERE / "package-lock.json"
        self.packages.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", "ws_server.mjs", "ajv.mjs", "dbos.mjs", "graphile.mjs"):
            shutil.copy(HERE / name, self.packages)
        if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                           cwd=self.packages, check=True, stdout=sys.stderr)
            stamp.touch()

    # --- the table

    def row(self, what, value, limit, at_least=False, detail=""):
        passed = value >= limit if at_least else value <= limit
        self.rows.append({"what": what, "value": round(value, 3), "limit": limit, "at_least": at_least,
                          "passed": passed, "detail": detail})
        print(f"{'PASS' if passed else 'FAIL'}  {what:<58} {value:>9.2f}  {'>=' if at_least else '<='} {limit:<7} {detail}",
              flush=True)

    # --- what is measured

    def ping(self):
        """ping over one connection, and many in flight, against Beast and ws."""
        quiet, busy = {"gateway": [], "echo": []}, {"gateway": [], "net": [], "batch": [], "ws": []}
        with self.gateway() as own, self.server(self.program("beast_echo"), "--batch", "0") as echo, \
                self.server(self.program("beast_echo"), "--batch", "1") as batch, \
                self.server(self.program("net_echo")) as net, \
                self.server("node", "ws_server.mjs") as ws:
            for _ in range(ROUNDS):
                quiet["gateway"].append(self.measure("load", "--address", own.address, TOKEN=own.token)["p50_us"])
                quiet["echo"].append(self.measure("load", "--address", echo)["p50_us"])
                many = ("--connections", 32, "--depth", 16)
                busy["gateway"].append(self.measure("load", "--address", own.address, *many, TOKEN=own.token)["rate"])
                busy["net"].append(self.measure("load", "--address", net, *many)["rate"])
                busy["batch"].append(self.measure("load", "--address", batch, *many)["rate"])
                busy["ws"].append(self.measure("load", "--address", ws, *many)["rate"])
        one, echo_p50 = median(quiet["gateway"]), median(quiet["echo"])
        self.ping_p50 = one
        self.row("ping p50 / Beast echo p50", one / echo_p50, 1.5, detail=f"{one:.1f} us / {echo_p50:.1f} us")
        rate = median(busy["gateway"])
        self.row("ping rate, 32 x 16 / npm ws", rate / median(busy["ws"]), 2.5, True,
                 f"{rate:.0f}/s / {median(busy['ws']):.0f}/s")
        self.row("ping rate, 32 x 16 / Beast echo that batches", rate / median(busy["batch"]), 0.4, True,
                 f"{rate:.0f}/s / {median(busy['batch']):.0f}/s")
        self.row("app/net echo rate, 32 x 16 / Beast echo that batches", median(busy["net"]) / median(busy["batch"]), 0.8, True,
                 f"{median(busy['net']):.0f}/s / {median(busy['batch']):.0f}/s")

    def commits(self, directory):
        return self.measure("commit", "--directory", directory, "--milliseconds", 1500)

    def runs(self):
        """One-turn demo runs against bare commits on the same disk."""
        latency, rate, commit_p50, commit_rate = [], [], [], []
        with self.gateway() as own:
            for round_ in range(ROUNDS):
                bare = own.directory / f"bare-{round_}"
                bare.mkdir()
                commit = self.commits(bare)
                commit_p50.append(commit["p50_us"])
                commit_rate.append(commit["rate"])
                latency.append(self.measure("runs", "--address", own.address, "--count", 400, TOKEN=own.token)["p50_us"])
                rate.append(self.measure("runs", "--address", own.address, "--count", 4000, "--depth", 64,
                                         TOKEN=own.token)["rate"])
        self.row("one-turn run p50 / durable commit p50", median(latency) / median(commit_p50), 8,
                 detail=f"{median(latency):.0f} us / {median(commit_p50):.0f} us")
        self.row("runs with 64 in flight / single-row commits", median(rate) / median(commit_rate), 0.3, True,
                 f"{median(rate):.0f}/s / {median(commit_rate):.0f}/s")

    def node_call(self):
        """node.invoke with a node on loopback against ping and a commit."""
        taken, allowed = [], []
        with self.gateway() as own:
            admin = client(own)
            node, device = pair(own, admin, Ledger(own.directory))
            node.close()
            admin.close()
            for round_ in range(ROUNDS):
                bare = own.directory / f"bare-{round_}"
                bare.mkdir()
                commit = self.commits(bare)["p50_us"]
                ping = self.measure("load", "--address", own.address, "--milliseconds", 1000, TOKEN=own.token)["p50_us"]
                taken.append(self.invoke(own, device, node.memory["token"]))
                allowed.append(4 * ping + 2.5 * commit)
        self.row("node.invoke p50 / (4 ping + 2.5 commits)", median(taken) / median(allowed), 1,
                 detail=f"{median(taken):.0f} us / {median(allowed):.0f} us")

    def invoke(self, own, device, token):
        """One round of node_call, whose proof is made here."""
        process = subprocess.Popen(
            [self.program("node_call"), "--address", own.address, "--device", device.id, "--count", "1000"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "TOKEN": own.token, "NODE_TOKEN": token})
        challenge = json.loads(process.stdout.readline())["params"]
        params = {"protocol": 1, "role": "node", "device": device.member(), "capabilities": CAPABILITIES,
                  "proof": device.proof(challenge["gateway_id"], "node", challenge["nonce"], token)}
        out, _ = process.communicate(json.dumps(params) + "\n", timeout=120)
        return json.loads(out.splitlines()[-1])["p50_us"]

    def start_ms(self, own):
        """From the start of the process to its ready line; the gateway is left running."""
        before = time.monotonic()
        own.start()
        return (time.monotonic() - before) * 1000

    def start(self):
        """Start to ready, fresh and with 100,000 old runs; memory when idle."""
        fresh = []
        for _ in range(5):
            own = gateways.Gateway()
            fresh.append(self.start_ms(own))
            own.stop()
        self.row("start to ready, fresh store, ms", median(fresh), 150)
        own = gateways.Gateway().start()
        try:
            self.row("resident memory, idle, MB", own.memory_bytes() / 1e6, 30)
            self.measure("runs", "--address", own.address, "--count", 450, "--depth", 32, TOKEN=own.token)
            own.terminate()
            count = multiply_runs(own.store.removeprefix("sqlite:"), 200)
            old = []
            for _ in range(5):
                old.append(self.start_ms(own))
                own.terminate()
            self.row(f"start to ready with {count} old runs, ms", median(old), 200)
        finally:
            own.stop()

    def connections(self):
        """Memory of the gateway for each idle authenticated connection."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        count = min(10_000, hard - 500)
        with self.gateway() as own:
            before = own.memory_bytes()
            process = subprocess.Popen(
                [self.program("connections"), "--address", own.address, "--count", str(count)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "TOKEN": own.token})
            opened = json.loads(process.stdout.readline())["open"]
            each = (own.memory_bytes() - before) / opened
            process.communicate("\n")
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self.row(f"memory of each of {opened} idle connections, KiB", each / 1024, 16)

    def validation(self):
        """Our validator against our parser and against ajv."""
        ours, parsing, ajv = [], [], []
        text = (HERE / "message.json").read_text(encoding="utf-8")
        for _ in range(ROUNDS):
            done = self.measure("validate", stdin=text)
            ours.append(done["validate_ns"])
            parsing.append(done["parse_ns"])
            other = subprocess.run(["node", "ajv.mjs"], input=text, stdout=subprocess.PIPE, text=True, check=True,
                                   cwd=self.packages)
            ajv.append(json.loads(other.stdout)["validate_ns"])
        self.row("validating / parsing", median(ours) / median(parsing), 0.6,
                 detail=f"{median(ours):.0f} ns / {median(parsing):.0f} ns")
        self.row("validating / ajv", median(ours) / median(ajv), 1, detail=f"{median(ours):.0f} ns / {median(ajv):.0f} ns")

    def cluster(self):
        """Two gateways on one Postgres: against DBOS and graphile-worker there, and against what people notice."""
        cluster.measure(self, ROUNDS)

    def all(self):
        self.install_packages()
        for part in (self.ping, self.runs, self.node_call, self.start, self.connections, self.validation,
                     self.cluster):
            if not self.options.only or part.__name__ in self.options.only:
                print(f"--- {part.__name__}: {part.__doc__}", flush=True)
                self.attempt(part.__name__, part)
        return self.rows

    def attempt(self, name, part):
        """What can't be measured is a failed row, and the rest is still measured."""
        try:
            part()
        except (subprocess.SubprocessError, OSError, AssertionError, RuntimeError, gateways.RpcError) as failure:
            self.rows.append({"what": name, "passed": False, "detail": str(failure)[:2000]})
            print(f"FAIL  {name}: {failure}", flush=True)


def multiply_runs(path, copies):
    """Copies every run of a stopped gateway's SQLite file, with all that belongs to it, under new ids; returns how many
    runs there are then. The ids' first five characters after the prefix, the oldest part of their time, are replaced."""
    database = sqlite3.connect(path)
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in ("sessions", "runs", "tape_items", "messages", "steps", "outbox"):
        if table not in tables:
            continue
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        if table == "outbox":
            columns.remove("seq")
        values = []
        for column in columns:
            if column in ("run_id", "session_id"):
                values.append(f"substr({column}, 1, 4) || printf('%05d', n) || substr({column}, 10)")
            elif column == "event_id":
                values.append("printf('%05d', n) || substr(event_id, 6)")
            elif column == "session_key":
                values.append("session_key || n")
            else:
                values.append(column)
        database.execute(
            f"WITH RECURSIVE copy(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < {copies}) "
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table}, copy")
    database.commit()
    count = database.execute("SELECT count(*) FROM runs").fetchone()[0]
    database.close()
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--output", default="build/bench.json")
    parser.add_argument("only", nargs="*", help="parts: ping runs node_call start connections validation cluster")
    cluster.add_options(parser)
    options = parser.parse_args()
    rows = Bench(options).all()
    Path(options.output).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    failed = [row["what"] for row in rows if not row["passed"]]
    print(f"{len(rows) - len(failed)} of {len(rows)} keep their limit; {options.output} has the numbers.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
