"""One chaos run: a cluster, a load, a schedule of faults, the heal, and the check of what is left."""
import contextlib
import random
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import peer
import with_postgres
import world
from cluster import Cluster, Door, fail_point_names
from evidence import Evidence
from faults import BY_NAME
from gateway import Settings
from herd import Herd
from invariants import check_all
from journal import Journal
from kinds import Situation
from readers import EventReader, SseReader, TapeReader
from scripts import Script

LABELS = ["north", "south"]
TAPE_READERS = 2
TOPICS = [["*"], ["runs"], ["approvals", "nodes"]]
# After the last heal nobody waits longer than this for the next sign of progress: many times what the slowest machine
# needs, since what comes to rest too late is told apart from what never does by nothing else.
PATIENCE_S = 60


class Scene:
    """What all actors of one run share."""

    def __init__(self, directory, seed, kind, store, instances, lease_ms, server=None):
        self.directory, self.seed, self.kind, self.store = Path(directory), seed, kind, store
        self.lease_s, self.pause_s = lease_ms / 1000, kind.pause_s
        self.random = self.random_of("faults")
        self.load_over, self.clients_over, self.readers_over, self.nodes_over = (threading.Event() for _ in range(4))
        self.waiting = threading.Event()  # never set: what a pause waits for
        self.labels = LABELS
        self.ledger = peer.Ledger(self.directory)
        self.cluster = Cluster(self.directory, store, instances, lease_ms, server)
        self.fail_points = fail_point_names(Settings.gatehouse)
        self.injected, self.stuck = Counter(), []
        self.announced = set()
        self.newcomer_count = 0
        self.network = None  # where the instances have one of their own

    def random_of(self, name):
        return random.Random(f"{self.seed}/{name}")

    def door(self, chooser):
        return chooser.choice(self.doors)

    def announce(self, run_id):
        """Every other run is followed by somebody."""
        if run_id not in self.announced:
            self.announced.add(run_id)
            if len(self.announced) % 2:
                self.tape_readers[len(self.announced) // 2 % len(self.tape_readers)].wanted.put(run_id)

    def newcomers(self):
        """How many devices beyond those of the load have asked to be paired."""
        self.newcomer_count += 1
        return self.newcomer_count

    def pause(self, seconds):
        self.waiting.wait(seconds)

    def pause_until(self, predicate, seconds):
        deadline = time.monotonic() + seconds
        while not predicate() and time.monotonic() < deadline:
            self.pause(0.05)

    def script(self, chooser, marker):
        return Script(chooser, self.kind.script, marker, self.labels).text()

    # --- the acts of a run

    def set_up(self):
        self.cluster.start()
        first = self.cluster.instances[0]
        admin = peer.client(first)
        self.methods = {each["name"] for each in admin.call("rpc.discover")["methods"]}
        admin.call("policy.put", {"rules": world.POLICY})
        memories = world.pair_nodes(first, admin, self.ledger, self.labels)
        admin.close()
        self.memories = memories
        self.doors = [Door(each) for each in self.cluster.instances]
        self.event_readers = [EventReader(self, f"events-{n}", topics) for n, topics in enumerate(TOPICS, 1)]
        self.event_readers.append(SseReader(self, "sse-1", ["runs", "approvals"]))
        self.herd = Herd(self, "herd", ["nodes"], self.kind.herd) if self.kind.herd else None
        self.event_readers += [self.herd] if self.herd else []
        for each in self.event_readers:
            each.begin()
        self.log_start = self.cluster.reader.log_head()
        self.tape_readers = [TapeReader(self, f"tapes-{n}") for n in range(1, TAPE_READERS + 1)]
        self.keepers = [world.NodeKeeper(self, f"node-{m.device.label}", m) for m in memories]
        self.sampler = threading.Thread(target=self.take_samples, daemon=True)

    def start_load(self):
        self.starters, self.deciders = self.make(self.kind.clients), self.make(self.kind.deciders)
        for each in [*self.keepers, *self.tape_readers, *self.deciders, *self.starters, self.sampler]:
            each.start()

    def make(self, clients):
        return [what(self, f"{what.__name__.lower()}{n}") for what, count in clients for n in range(1, count + 1)
                if what.METHOD in self.methods]

    def take_samples(self):
        journal = Journal(self.directory / "journal-sampler.jsonl")
        while not self.nodes_over.wait(1):
            for each in self.cluster.instances:
                with contextlib.suppress(OSError, StopIteration):
                    journal.note("sample", instance=each.number, resident_bytes=each.memory_bytes(),
                                 descriptors=each.descriptors() - self.kind.herd)

    def inject(self, schedule):
        for planned in schedule:
            self.pause(planned.after_s)
            self.cluster.revive()
            instance = self.cluster.instances[planned.instance - 1]
            BY_NAME[planned.kind](self, instance, planned)
            self.injected[planned.kind] += 1

    def settle(self):
        """Heals everything and waits for as long as anything moves."""
        self.cluster.heal()
        self.load_over.set()
        self.wait_while_moving(lambda: not any(each.is_alive() for each in self.starters), "clients without an answer",
                               lambda: sum(each.is_alive() for each in self.starters))
        self.wait_while_moving(lambda: not self.cluster.reader.open_runs(), "runs that do not come to rest",
                               self.cluster.reader.tape_lengths)
        self.clients_over.set()
        for each in self.deciders:
            each.join(20)
        self.log_end = self.cluster.reader.log_head()
        logged = self.cluster.reader.rows("SELECT event_id, topic, category, session_id FROM outbox "
                                          f"WHERE seq > {self.log_start} AND seq <= {self.log_end}")
        self.wait_while_moving(lambda: not self.missing_events(logged), "events that do not come",
                               lambda: self.missing_events(logged))
        self.wait_while_moving(lambda: all(each.wanted.empty() and each.ended.is_set() for each in self.tape_readers),
                               "tapes that do not end", lambda: sum(each.last for each in self.tape_readers))

    def missing_events(self, logged):
        return sum(each.missing(logged) for each in self.event_readers)

    def wait_while_moving(self, is_done, what, progress):
        last, since = progress(), time.monotonic()
        while not is_done():
            self.cluster.revive()
            now = progress()
            if now != last:
                last, since = now, time.monotonic()
            if time.monotonic() - since > PATIENCE_S:
                self.stuck.append(what)
                return
            self.pause(0.2)

    def tear_down(self):
        self.readers_over.set()
        self.nodes_over.set()
        for each in [*self.event_readers, *self.tape_readers, *self.keepers]:
            each.join(20)
        self.cluster.stop()

    def end(self):
        """Whatever happened: no process stays."""
        for event in (self.load_over, self.clients_over, self.readers_over, self.nodes_over):
            event.set()
        for each in self.cluster.instances:
            if each.process and each.process.poll() is None:
                each.process.kill()
                each.process.wait()

    # --- what came of it

    def collect(self):
        texts = [(path.name, path.read_bytes()) for path in self.directory.glob("gateway-*.log")]
        if self.store == "sqlite":
            texts += [(path.name, path.read_bytes()) for path in self.cluster.store_directory.glob("gatehouse.db*")]
        else:
            dump = subprocess.run([with_postgres.program("pg_dump"), "-d", self.cluster.store_url],
                                  stdin=subprocess.DEVNULL, capture_output=True, check=True)
            (self.directory / "store.sql").write_bytes(dump.stdout)
            texts.append(("store.sql", dump.stdout))
        return Evidence.collect(
            self.cluster.reader, self.directory, log_start=self.log_start, log_end=self.log_end, texts=texts,
            secrets=[self.cluster.token, *(each.token for each in self.memories)])

    def odd_ends(self):
        return [f"instance {each.number} ended with {end.code}, told {end.told}, fail point {end.fail_point}"
                for each in self.cluster.instances for end in each.ends if not end.is_expected()]

    def cut_commits(self):
        cut = Counter()
        for each in self.cluster.instances:
            cut.update(each.behind.cut_commits if each.behind else {})
        return cut

    def kill_points_hit(self):
        return Counter(end.fail_point.split(":")[0] for each in self.cluster.instances for end in each.ends
                       if end.fail_point and end.told is None)


class Result:
    """A finished run, checked."""

    def __init__(self, scene, evidence):
        self.scene, self.evidence = scene, evidence
        self.checks = check_all(evidence)
        self.violations = [(name, each) for name, _, _, found in self.checks for each in found]
        self.violations += [("process", each) for each in scene.odd_ends()]
        self.violations += [("rest", each) for each in scene.stuck]
        self.violations += [("answers", each) for each in scene.kind.answers(evidence)]

    def counts(self):
        e = self.evidence
        return {"runs": len(e.runs), "effects": len(e.ledger), "events": len(e.outbox),
                "delivered": " + ".join(str(len(each.seen)) for each in self.scene.event_readers if each is not self.scene.herd),
                "tape items": sum(map(len, e.tapes.values())), "acknowledged": sum(1 for _ in e.lines("ack")),
                "keys": len({line["params"]["idempotency_key"] for _, line in e.lines("ack")
                             if "idempotency_key" in line["params"]}),
                "slots": len(e.firings), "messages": len(e.routed), "forks": len(e.forks),
                "refused": dict(Counter(line["kind"] for _, line in e.lines("refused"))),
                "states": dict(Counter(run["state"] for run in e.runs.values()))}


def run_once(seed, kind, store, instances, seconds, lease_ms, server=None, only=None):
    """One run on a fresh store, in a new directory that stays. Raises nothing for what the system under test does wrong."""
    directory = Path(tempfile.mkdtemp(prefix=f"gatehouse-chaos-{store}-{seed}-"))
    scene = Scene(directory, seed, kind, store, instances, lease_ms, server)
    schedule = kind.schedule(Situation(scene.random, seconds, store, instances, scene.fail_points, only))
    (directory / "schedule").write_text("\n".join(map(str, schedule)) + "\n", encoding="utf-8")
    try:
        with kind.ground(scene):
            scene.set_up()
            scene.start_load()
            scene.inject(schedule)
            scene.settle()
            scene.tear_down()
            return Result(scene, scene.collect())
    finally:
        scene.end()
