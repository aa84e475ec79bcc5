"""Two gateways on one Postgres: against DBOS and graphile-worker on the same server, and against what people notice."""
import argparse
import contextlib
import json
import os
import select
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
from websocket import WebSocket  # noqa: E402

PARTS = ("events", "node", "dbos", "graphile", "takeover", "snapshot")
QUIET = "log_level = \"warn\"\n"
LEASE_MS = 10_000  # the default
SHORT_LEASE_MS = 500
SLOTS = 64
WAITING_S = 30
TURN_MS = 300
WINDOW_S = 60


def add_options(parser):
    parser.add_argument("--part", type=part_names, default=PARTS,
                        help=f"of cluster, only these, with commas between them: {','.join(PARTS)}")
    parser.add_argument("--snapshot-minutes", type=float, default=1,
                        help="how long part snapshot keeps a snapshot (default: 1; the promise is made for 10)")


def part_names(text):
    """The parts that `--part` names."""
    names = text.split(",")
    for name in names:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"there is no part '{name}'; the parts are {', '.join(PARTS)}")
    return names


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class Line:
    """A client's connection that is read by who waits for it: no other thread's waking counts in what is timed."""

    def __init__(self, gateway):
        self.socket = WebSocket(gateway.address, [("Authorization", f"Bearer {gateway.token}")])
        self.messages()
        self.next_id = 0
        self.send("connect", {"protocol": 1, "role": "client"})
        self.messages()

    def send(self, method, params):
        self.next_id += 1
        self.socket.send_text(json.dumps({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params}))

    def messages(self):
        """What has come, at least one; waits for it."""
        read = [json.loads(self.socket.receive_text())]
        while self.socket.buffer:
            read.append(json.loads(self.socket.receive_text()))
        return read

    def state_changes(self):
        """(run, state) of each event that has come."""
        return [(event["payload"]["run_id"], event["payload"]["to"]) for message in self.messages()
                if message.get("method") == "event" for event in message["params"]["events"]
                if event["type"] == "run.state_changed"]


class Cluster:
    """`bench` is run.py's Bench: its programs, packages and table."""

    def __init__(self, bench, stack, rounds):
        self.bench, self.stack, self.rounds = bench, stack, rounds
        self.server = stack.enter_context(with_postgres.private_server(durable=True))
        self.databases = 0
        self.gateways = self.two_gateways(self.new_database(), QUIET)
        self.clients = [self.client_of(each) for each in self.gateways]

    def new_database(self):
        self.databases += 1
        return self.server.create_database(f"bench_{self.databases}")

    def two_gateways(self, store, config):
        first = self.gateway(store, config)
        return [first, self.gateway(store, config, token=first.token)]

    def gateway(self, store, config, **named):
        one = gateways.Gateway(config=config, store=store, **named).start()
        self.stack.callback(one.stop)
        return one

    def client_of(self, gateway):
        one = client(gateway)
        self.stack.callback(one.close)
        return one

    # --- against others

    def yardstick(self, script, database, *arguments):
        done = subprocess.run(["node", script, *map(str, arguments)], cwd=self.bench.packages, text=True, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=300,
                              env={**os.environ, "DATABASE": database})
        return json.loads(done.stdout.splitlines()[-1])

    def runs(self, own, count, depth):
        return self.bench.measure("runs", "--address", own.address, "--count", count, "--depth", depth, TOKEN=own.token)

    def both(self, count, depth, pair=None):
        """Runs a second when each gateway has `depth` in flight."""
        rates = []
        working = [threading.Thread(target=lambda own=own: rates.append(self.runs(own, count, depth)["rate"]))
                   for own in pair or self.gateways]
        for each in working:
            each.start()
        for each in working:
            each.join()
        return sum(rates)

    def dbos(self):
        ours, theirs, alone, their_alone = [], [], [], []
        database = self.new_database()
        for _ in range(self.rounds):
            alone.append(self.runs(self.gateways[0], 200, 1)["p50_us"])
            their_alone.append(self.yardstick("dbos.mjs", database, 200, 1)["p50_us"])
            ours.append(self.both(1500, SLOTS // 2))
            theirs.append(self.yardstick("dbos.mjs", database, 1500, SLOTS)["rate"])
        rate, their_rate = percentile(ours, 0.5), percentile(theirs, 0.5)
        one, their_one = percentile(alone, 0.5), percentile(their_alone, 0.5)
        self.bench.row("Postgres, one one-turn run p50 / DBOS workflow p50", one / their_one, 1,
                       detail=f"{one:.0f} us / {their_one:.0f} us")
        self.bench.row("Postgres, 64 in flight over two gateways / DBOS", rate / their_rate, 3, True,
                       f"{rate:.0f}/s / {their_rate:.0f}/s")

    def graphile(self):
        """The same for both: work that waits, one process with 64 slots, timed from its first finish to its last."""
        count, ours, theirs, database = 5000, [], [], self.new_database()
        for _ in range(self.rounds):
            ours.append(self.drain_rate(count))
            theirs.append(self.yardstick("graphile.mjs", database, count, SLOTS)["rate"])
        rate, their_rate = percentile(ours, 0.5), percentile(theirs, 0.5)
        self.bench.row("claim and finish no-op runs / graphile-worker", rate / their_rate, 1, True,
                       f"{rate:.0f}/s / {their_rate:.0f}/s")

    def drain_rate(self, count):
        """Runs a second of one worker, by when the store says that they finished."""
        store = self.new_database()
        edge = self.gateway(store, QUIET, arguments=["--roles", "edge"])
        asking = client(edge)
        for _ in range(0, count, 100):
            begun = [asking.begin("run.start", {"input": {"text": "/say x"}}) for _ in range(100)]
            for each in begun:
                asking.finish(each)
        asking.close()
        edge.stop()
        worker = self.gateway(store, f"{QUIET}worker_slots = {SLOTS}\n", token=edge.token,
                              arguments=["--roles", "edge,worker"])
        database = store.rsplit("/", 1)[1]
        waiting = client(worker)
        while run := self.server.query("SELECT max(run_id) FROM runs WHERE finished_at IS NULL", database):
            waiting.call("run.get", {"run_id": run, "wait_ms": WAITING_S * 1000}, timeout=WAITING_S + 10)
        waiting.close()
        worker.stop()
        finished = "SELECT count(*), max(finished_at) - min(finished_at) FROM runs WHERE state = 'succeeded'"
        done, taken_ms = map(int, self.server.query(finished, database).split("|"))
        assert done == count, f"{done} of {count} runs succeeded"
        return (count - 1) / (taken_ms / 1000)

    # --- what people notice

    def event_ms(self, asking, hearing, number):
        """From the sending of run.start on one gateway, and from its reply, to the run's first event on the other."""
        sent = time.monotonic()
        asking.send("run.start", {"input": {"text": f"/say {number}"}})
        replied = run = None
        heard, ended = {}, set()
        while run is None or run not in ended:
            readable, _, _ = select.select([asking.socket.socket, hearing.socket.socket], [], [], WAITING_S)
            now = time.monotonic()
            if not readable:
                raise AssertionError(f"neither the reply nor the events of run {number} came in {WAITING_S} s")
            if asking.socket.socket in readable:
                replied, run = now, asking.messages()[0]["result"]["run_id"]
            if hearing.socket.socket in readable:
                for changed, state in hearing.state_changes():
                    heard.setdefault(changed, now)
                    if state == "succeeded":
                        ended.add(changed)
        return (heard[run] - sent) * 1000, max(0.0, (heard[run] - replied) * 1000)

    def events(self):
        """The commit lies between sending and reply, so what it took from there is bounded by both."""
        asking, hearing = (Line(each) for each in self.gateways)
        hearing.send("events.subscribe", {"topics": ["runs"]})
        hearing.messages()
        with contextlib.ExitStack() as stack:
            for database in ("bench_1", "postgres"):
                stack.enter_context(self.open_transaction(
                    database, "CREATE TABLE IF NOT EXISTS idler (n INT); BEGIN; INSERT INTO idler VALUES (1)"))
            taken = [self.event_ms(asking, hearing, n) for n in range(1000)]
        for line in (asking, hearing):
            line.socket.abort()
        since_sent, since_reply = zip(*taken)
        for part, limit in ((0.5, 5), (0.99, 50)):
            self.bench.row(f"run.start sent to its event at the other gateway, p{part * 100:.0f} ms",
                           percentile(since_sent, part), limit,
                           detail=f"{percentile(since_reply, part):.2f} ms after the reply")

    @contextlib.contextmanager
    def open_transaction(self, database, begin):
        """Somebody's transaction, begun by these statements, that then does nothing."""
        process = subprocess.Popen(
            [with_postgres.program("psql"), "-XAtq", "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "gatehouse",
             database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdin.write(begin + "; SELECT 'open';\n")
        process.stdin.flush()
        while process.stdout.readline().strip() != "open":
            if process.poll() is not None:
                raise AssertionError(f"psql ended with {process.returncode}")
        try:
            yield
        finally:
            process.communicate("ROLLBACK;\n")

    def node(self):
        """With a node and a client in Python, whose own time counts too."""
        node, device = pair(self.gateways[0], self.clients[0], Ledger(self.gateways[0].directory))
        wanted = {"node": device.id, "capability": "test", "operation": "look", "arguments": {"key": "k"}}
        taken = []
        for _ in range(200):
            began = time.monotonic()
            self.clients[1].call("node.invoke", wanted)
            taken.append((time.monotonic() - began) * 1000)
        node.close()
        self.bench.row("node.invoke through the other gateway, p50 ms", percentile(taken, 0.5), 10)

    def work_for(self, asking, milliseconds):
        run = asking.call("run.start", {"input": {"text": f"/sleep {milliseconds}"}})["run_id"]
        asking.call("run.get", {"run_id": run, "wait_ms": WAITING_S * 1000}, timeout=WAITING_S + 10)

    def takeover_ms(self, owner, asking, other):
        """From the SIGKILL of a run's owner to the run's going on with the other, whose client `other` is."""
        run = asking.call("run.start", {"input": {"text": f"/sleep {TURN_MS}\n/say on"}})["run_id"]
        killed = time.monotonic()
        owner.kill()
        done = other.call("run.get", {"run_id": run, "wait_ms": WAITING_S * 1000}, timeout=WAITING_S + 10)
        taken = (time.monotonic() - killed) * 1000 - TURN_MS
        assert done["state"] == "succeeded" and taken > 0, done
        owner.start()
        return taken

    def takeovers(self, store, lease_ms, count):
        """A pair of its own, of which one is killed again and again."""
        owner, survivor = self.two_gateways(store, f"{QUIET}lease_ms = {lease_ms}\n")
        other = self.client_of(survivor)
        # Nobody is declared dead by a process younger than a lease.
        self.work_for(other, lease_ms + 1000)
        taken = []
        for _ in range(count):
            asking = client(owner)
            taken.append(self.takeover_ms(owner, asking, other))
            asking.abort()
        for each in (owner, survivor):
            each.stop()
        return taken

    def takeover(self):
        """Behind a pooler nobody sees the dead one's lock, so that only its lease tells; no pooler need stand there."""
        early = self.takeovers(self.new_database(), LEASE_MS, 20)
        short = self.takeovers(self.new_database() + "?pooler=transaction", SHORT_LEASE_MS, 50)
        late = self.takeovers(self.new_database() + "?pooler=transaction", LEASE_MS, 5)
        self.bench.row("takeover after kill -9, early, default lease, p50 ms", percentile(early, 0.5), 2000,
                       detail=f"of {len(early)}")
        self.bench.row("takeover after kill -9, early, default lease, worst ms", max(early), LEASE_MS + 1000)
        for lease_ms, taken in ((SHORT_LEASE_MS, short), (LEASE_MS, late)):
            self.bench.row(f"takeover after kill -9, by a lease of {lease_ms} ms, worst ms", max(taken),
                           lease_ms + 1000, detail=f"p50 {percentile(taken, 0.5):.0f} ms, of {len(taken)}")

    # --- what lasts

    def rate_after(self, minutes, begin=None):
        """Runs a second of a pair of its own, after so long under load; `begin` opens a transaction meanwhile."""
        store = self.new_database()
        database = store.rsplit("/", 1)[1]
        pair, rates = self.two_gateways(store, QUIET), []
        with self.open_transaction(database, begin) if begin else contextlib.nullcontext():
            end = time.monotonic() + minutes * 60
            while time.monotonic() < end:
                # With twice as many in flight as there are slots, half are claimed.
                rates.append((self.both(3000, 2 * SLOTS, pair), time.monotonic()))
        for each in pair:
            each.stop()
        self.server.query(f"DROP DATABASE {database}")
        return percentile([rate for rate, when in rates if when > end - WINDOW_S], 0.5)

    def snapshot(self):
        """The load never ends, so that dead rows pile up behind the snapshot. A store is slower the more it holds."""
        minutes = self.bench.options.snapshot_minutes
        without = self.rate_after(minutes)
        with_it = self.rate_after(minutes, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM runs")
        self.bench.row(f"runs with a snapshot held for {minutes:g} min / as long without", with_it / without, 0.8, True,
                       f"{with_it:.0f}/s / {without:.0f}/s")


def measure(bench, rounds):
    with contextlib.ExitStack() as stack:
        two = Cluster(bench, stack, rounds)
        for name in PARTS:
            if name in bench.options.part:
                bench.attempt(f"cluster, {name}", getattr(two, name))
