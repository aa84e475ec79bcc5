"""Two gateways on one Postgres: against DBOS on the same server, and against what people notice."""
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parent / "support")]
import gateway as gateways  # noqa: E402
import with_postgres  # noqa: E402
from peer import Ledger, client, pair  # noqa: E402

QUIET = "log_level = \"warn\"\n"
WAITING_S = 30


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class Cluster:
    """`bench` is run.py's Bench: its programs, packages and table."""

    def __init__(self, bench, stack):
        self.bench = bench
        self.server = stack.enter_context(with_postgres.private_server(durable=True))
        self.url = self.server.create_database("gatehouse")
        self.dbos_url = self.server.create_database("dbos")
        self.gateways = []
        for _ in range(2):
            token = self.gateways[0].token if self.gateways else None
            one = gateways.Gateway(config=QUIET, store=self.url, token=token).start()
            self.gateways.append(one)
            stack.callback(one.stop)
        self.clients = [client(each) for each in self.gateways]
        for each in self.clients:
            stack.callback(each.close)

    # --- against DBOS

    def dbos(self, count, depth):
        done = subprocess.run(["node", "dbos.mjs", str(count), str(depth)], cwd=self.bench.packages, text=True, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=300,
                              env={**os.environ, "DATABASE": self.dbos_url})
        return json.loads(done.stdout.splitlines()[-1])

    def runs(self, own, count, depth):
        return self.bench.measure("runs", "--address", own.address, "--count", count, "--depth", depth, TOKEN=own.token)

    def both(self, count, depth):
        """Runs a second when each gateway has `depth` in flight."""
        rates = []
        working = [threading.Thread(target=lambda own=own: rates.append(self.runs(own, count, depth)["rate"]))
                   for own in self.gateways]
        for each in working:
            each.start()
        for each in working:
            each.join()
        return sum(rates)

    def against_dbos(self, rounds):
        ours, theirs, alone, their_alone = [], [], [], []
        for _ in range(rounds):
            alone.append(self.runs(self.gateways[0], 200, 1)["p50_us"])
            their_alone.append(self.dbos(200, 1)["p50_us"])
            ours.append(self.both(1500, 32))
            theirs.append(self.dbos(1500, 64)["rate"])
        rate, their_rate = percentile(ours, 0.5), percentile(theirs, 0.5)
        one, their_one = percentile(alone, 0.5), percentile(their_alone, 0.5)
        self.bench.row("Postgres, one one-turn run p50 / DBOS workflow p50", one / their_one, 1,
                       detail=f"{one:.0f} us / {their_one:.0f} us")
        self.bench.row("Postgres, 64 in flight over two gateways / DBOS", rate / their_rate, 3, True,
                       f"{rate:.0f}/s / {their_rate:.0f}/s")

    # --- what people notice

    def event_ms(self, number):
        """From the reply of run.start on one gateway to its event on the other."""
        run = self.clients[0].call("run.start", {"input": {"text": f"/say {number}"}})["run_id"]
        replied = time.monotonic()
        self.clients[1].wait_for_event("run.state_changed", lambda p: p["run_id"] == run)
        return max(0.0, (time.monotonic() - replied) * 1000)

    def events(self):
        self.clients[1].call("events.subscribe", {"topics": ["runs"]})
        with contextlib.ExitStack() as stack:
            for database in ("gatehouse", "postgres"):
                stack.enter_context(self.idle_transaction(database))
            taken = [self.event_ms(n) for n in range(200)]
        self.bench.row("event from one gateway to the other, p50 ms", percentile(taken, 0.5), 5)
        self.bench.row("event from one gateway to the other, p99 ms", percentile(taken, 0.99), 50)

    @contextlib.contextmanager
    def idle_transaction(self, database):
        """Somebody's transaction that has written and does nothing."""
        process = subprocess.Popen(
            [with_postgres.program("psql"), "-XAtq", "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "gatehouse", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdin.write("CREATE TABLE IF NOT EXISTS idler (n INT); BEGIN; INSERT INTO idler VALUES (1); SELECT 'open';\n")
        process.stdin.flush()
        process.stdout.readline()
        try:
            yield
        finally:
            process.communicate("ROLLBACK;\n")

    def node_calls(self):
        node, device = pair(self.gateways[0], self.clients[0], Ledger(self.gateways[0].directory))
        wanted = {"node": device.id, "capability": "test", "operation": "look", "arguments": {"key": "k"}}
        taken = []
        for _ in range(200):
            began = time.monotonic()
            self.clients[1].call("node.invoke", wanted)
            taken.append((time.monotonic() - began) * 1000)
        node.close()
        self.bench.row("node.invoke through the other gateway, p50 ms", percentile(taken, 0.5), 10)

    def takeover_ms(self):
        """From the SIGKILL of a run's owner to the run's going on with the other."""
        run = self.clients[0].call("run.start", {"input": {"text": "/sleep 100\n/say on"}})["run_id"]
        killed = time.monotonic()
        self.gateways[0].kill()
        self.clients[1].call("run.get", {"run_id": run, "wait_ms": WAITING_S * 1000}, timeout=WAITING_S + 10)
        taken = (time.monotonic() - killed) * 1000 - 100
        self.gateways[0].start()
        self.clients[0] = client(self.gateways[0])
        return taken

    def takeovers(self):
        # Nobody is declared dead by a process younger than a lease.
        young = self.clients[1].call("run.start", {"input": {"text": "/sleep 11000"}})["run_id"]
        self.clients[1].call("run.get", {"run_id": young, "wait_ms": WAITING_S * 1000}, timeout=WAITING_S + 10)
        taken = [self.takeover_ms() for _ in range(5)]
        self.bench.row("takeover after kill -9, default lease, p50 ms", percentile(taken, 0.5), 2000)
        self.bench.row("takeover after kill -9, default lease, worst ms", max(taken), 11000)


def measure(bench, rounds):
    with contextlib.ExitStack() as stack:
        two = Cluster(bench, stack)
        two.events()
        two.node_calls()
        two.against_dbos(rounds)
        two.takeovers()
