"""The faults, and the schedule of them that a seed stands for."""
import contextlib
import signal
import threading
from typing import NamedTuple

import peer
import world
from gateway import RpcError
from network import WAYS
from storage import Ballast, locked_database
from syscalls import CALLS, failing_syncs, killed_at
from world import UNREACHABLE


class Planned(NamedTuple):
    after_s: float  # after the fault before
    kind: str
    instance: int  # its number
    hold_s: float  # how long it lasts
    choice: float  # from [0, 1): for what the fault itself has to choose
    place: str = ""  # NAME:NTH, where it happens at a fail point

    def __str__(self):
        return (f"+{self.after_s:.2f} s {self.kind} of {self.instance} for {self.hold_s:.2f} s ({self.choice:.3f})"
                f" {self.place}")


def kill(scene, instance, planned):
    """SIGKILL, and a new start on the same data directory."""
    instance.down(signal.SIGKILL)
    scene.pause(planned.hold_s * planned.choice)
    instance.up()


def edge_dies(scene, instance, planned):
    """SIGKILL under a herd of subscribers; the process comes back when all of them have found another one."""
    herd = scene.herd
    instance = herd.crowded_instance()
    instance.down(signal.SIGKILL)
    herd.scatter()
    if len(scene.cluster.instances) > 1:
        scene.pause_until(lambda: herd.scattered_at is None, 60)
    instance.up()
    scene.pause_until(lambda: herd.scattered_at is None, 60)


def kill_at_point(scene, instance, planned):
    """SIGKILL at one of the named places, the n-th time the process comes there."""
    instance.down(signal.SIGKILL)
    instance.up(planned.place.replace(":", ":kill:"))
    with provoked(scene, instance, planned.place.split(":")[0]):
        scene.pause_until(lambda: not instance.is_running(), 3)
    scene.pause(planned.hold_s * planned.choice)
    scene.cluster.revive()


@contextlib.contextmanager
def provoked(scene, instance, place):
    """What brings a process to a place that the load alone seldom brings it to."""
    others = [each for each in scene.cluster.instances if each is not instance]
    if place in ("lease.dead_buried", "lease.lost"):
        # Who is stopped past its lease is buried by the others, and then sees it.
        stopped = others if place == "lease.dead_buried" else [instance]
        for each in stopped:
            each.pause()
        scene.pause(scene.lease_s * 2)
        yield
        for each in stopped:
            each.resume()
    elif place.startswith("scheduler."):
        for each in others:  # one of them leads
            each.down(signal.SIGTERM)
        yield
        for each in others:
            each.up()
    else:
        if place == "store.commit_in_doubt" and instance.behind:
            instance.behind.cut_next_commits("answer", 3)
        if place == "edge.node_admitted":
            threading.Thread(target=pair_newcomer, args=(scene, instance), daemon=True).start()
        yield


def pair_newcomer(scene, instance):
    """One device more asks to be paired, and may come to nothing with the process that it asks."""
    with contextlib.suppress(RpcError, *UNREACHABLE):
        world.pair_nodes(instance, peer.client(instance), scene.ledger, [f"newcomer-{scene.newcomers()}"])


def kill_at_syscall(scene, instance, planned):
    """SIGKILL as a thread is about to write, sync or send for the n-th time."""
    calls = CALLS[scene.store]
    call, nth = calls[int(planned.choice * len(calls))], int(10 ** (planned.choice * 101 % 1 * 2))
    instance.down(signal.SIGKILL)
    instance.up(f"{call}:{nth}", killed_at(call, nth))
    scene.pause_until(lambda: not instance.is_running(), 2)
    scene.cluster.revive()
    if instance.before_command:  # it never came there, and is slow as long as it is watched
        instance.down(signal.SIGKILL)
        instance.up()


def fill_disk(scene, instance, planned):
    """No room for another page; then there is room again."""
    with Ballast(scene.cluster.store_directory):
        scene.pause(planned.hold_s * 2)


def lock_database(scene, instance, planned):
    """Another process holds the write lock; now and then for very long."""
    with locked_database(scene.cluster.store_directory / "gatehouse.db"):
        scene.pause(30 if planned.choice > 0.95 else planned.hold_s * 4)


def fail_syncs(scene, instance, planned):
    """fdatasync says EIO, always or each second to fourth time."""
    with failing_syncs(instance.pid, 1 + int(planned.choice * 4)):
        scene.pause(planned.hold_s * 2)


def stop_at_point(scene, instance, planned):
    """SIGSTOP at one of the named places, past the lease."""
    instance.down(signal.SIGKILL)
    instance.up(planned.place.replace(":", ":stop:"))
    instance.is_stopped = True
    scene.pause(scene.lease_s * 1.5 + planned.hold_s)
    instance.resume()


def pause(scene, instance, planned):
    """SIGSTOP past the lease, then SIGCONT: a zombie."""
    instance.pause()
    scene.pause(scene.lease_s * (1 + planned.choice) + planned.hold_s)
    instance.resume()


def pause_leader(scene, instance, planned):
    """SIGSTOP of the one whose scheduler works, past its lease."""
    pause(scene, scene.cluster.leader(), planned)


def kill_leader(scene, instance, planned):
    kill(scene, scene.cluster.leader(), planned)


def restart(scene, instance, planned):
    """SIGTERM, and a new start."""
    instance.down(signal.SIGTERM)
    instance.up()


def restart_postgres(scene, instance, planned):
    """The server stops as in a crash and comes back."""
    scene.cluster.stop_postgres()
    scene.pause(planned.hold_s * planned.choice)
    scene.cluster.server.start()


def terminate_backends(scene, instance, planned):
    scene.cluster.terminate_backends(scene.random)


def cut_store(scene, instance, planned):
    """Every connection of one instance to the store is reset."""
    instance.behind.cut()


def part_from_store(scene, instance, planned):
    """One instance can't reach the store."""
    instance.behind.refuse()
    scene.pause(planned.hold_s)
    instance.behind.heal()


def half_open_store(scene, instance, planned):
    """What one instance sends to the store, or gets from it, is lost on the way for a while."""
    ways = [("peer",), ("server",), ("peer", "server")][int(planned.choice * 3)]
    instance.behind.freeze(*ways)
    scene.pause(planned.hold_s * 2)
    instance.behind.heal()


def partition(scene, instance, planned):
    """One instance is cut off, from all or from some, both ways or one way, mostly past its lease."""
    if not scene.network:
        return (half_open_peers, half_open_store, part_from_store)[int(planned.choice * 3)](scene, instance, planned)
    way = WAYS[int(planned.choice * len(WAYS))]
    scene.injected[f"partition {way}"] += 1
    with scene.network.cut(instance.number, way):
        scene.pause(planned.hold_s * 2)
    return None


def slow_store(scene, instance, planned):
    instance.behind.slow_down(0.02 + planned.choice * 0.1)
    scene.pause(planned.hold_s)
    instance.behind.heal()


def lose_commit_answers(scene, instance, planned):
    """COMMIT reaches the server and its answer nobody."""
    instance.behind.cut_next_commits("answer", 1 + int(planned.choice * 30))
    scene.pause(planned.hold_s)
    instance.behind.heal()


def lose_commits(scene, instance, planned):
    instance.behind.cut_next_commits("commit", 1 + int(planned.choice * 30))
    scene.pause(planned.hold_s)
    instance.behind.heal()


def roughen_commits(scene, instance, planned):
    """COMMITs of all instances take up to 30 ms and each tenth is lost, while two transactions of others stay open."""
    with scene.cluster.idle_transactions():
        for each in scene.cluster.instances:
            each.behind.roughen_commits(0.03, 0.1, planned.choice)
        scene.pause(planned.hold_s)
        for each in scene.cluster.instances:
            each.behind.heal()


def cut_peers(scene, instance, planned):
    """Clients and nodes of one instance are cut off."""
    instance.front.cut()


def half_open_peers(scene, instance, planned):
    ways = [("peer",), ("server",), ("peer", "server")][int(planned.choice * 3)]
    instance.front.freeze(*ways)
    scene.pause(planned.hold_s)
    if planned.choice < 0.5:
        instance.front.cut()
    instance.front.heal()


ANYWHERE = {kill: 4, kill_at_point: 6, pause: 2, restart: 1, cut_peers: 2, half_open_peers: 1}
WITH_POSTGRES = {stop_at_point: 2, restart_postgres: 2, terminate_backends: 2, cut_store: 2, part_from_store: 1,
                 half_open_store: 1, slow_store: 1, lose_commit_answers: 3, lose_commits: 2}
# Those that need a ground of their own: only kinds that have it name them.
ON_ITS_GROUND = {edge_dies: 1, kill_at_syscall: 1, fill_disk: 2, lock_database: 1, fail_syncs: 2, partition: 1,
                 pause_leader: 2, kill_leader: 1, roughen_commits: 1}
BY_NAME = {each.__name__: each for each in (*ANYWHERE, *WITH_POSTGRES, *ON_ITS_GROUND)}


def weights_of(store, places, only=None):
    """The faults that are possible there, by how often they come. `places`: the fail points of this build."""
    weights = {**ANYWHERE, **(WITH_POSTGRES if store == "postgres" else {}), **(ON_ITS_GROUND if only else {})}
    return {each: weight for each, weight in weights.items()
            if (places or "point" not in each.__name__) and (not only or each.__name__ in only)}


def plan(random, seconds, store, instances, places, only=None):
    """A schedule of about so many seconds."""
    weights = weights_of(store, places, only)
    schedule, length = [], 0.0
    while length < seconds:
        kind = random.choices(list(weights), list(weights.values()))[0]
        schedule.append(plan_one(random, kind, instances, places))
        length += schedule[-1].after_s + schedule[-1].hold_s
    return schedule


def plan_one(random, kind, instances, places):
    place = f"{random.choice(places)}:{random.randint(1, 12)}" if places else ""
    return Planned(random.uniform(0.1, 1.2), kind.__name__, random.randint(1, instances), random.uniform(0.2, 1.5),
                   random.random(), place)


def plan_each(random, store, instances, places):
    """Every fault once, in any order, in quick succession."""
    faults = list(weights_of(store, places))
    return [plan_one(random, kind, instances, places)._replace(after_s=0.2, hold_s=random.uniform(0.1, 0.6))
            for kind in random.sample(faults, len(faults))]


# Places that a process comes to once, if at all.
SELDOM = ("lease.dead_buried", "lease.lost", "scheduler.lead_taken", "scheduler.forgot", "store.commit_in_doubt", "edge.node_admitted")
# Places that one process alone never comes to: nobody buries it, nobody else ends its calls, no COMMIT is in doubt.
AMONG_OTHERS = ("lease.dead_buried", "lease.lost", "node.call_read", "store.commit_in_doubt")


def plan_kills(random, places, instances):
    """A schedule that kills once at each of the places."""
    places = [each for each in places if instances > 1 or each not in AMONG_OTHERS]
    return [Planned(0, "kill_at_point", random.randint(1, instances), random.uniform(0, 1), random.random(),
                    f"{place}:{random.randint(1, often(place))}") for place in random.sample(places, len(places))]


def often(place):
    """How many times a process surely comes there within moments; a scheduler looks once a second."""
    if place in SELDOM:
        return 1
    return 2 if place.startswith("scheduler.") else 4


def plan_restarts(instances, rounds):
    """A schedule that restarts each instance in turn."""
    return [Planned(0.5, "restart", number, 0, 0) for _ in range(rounds) for number in range(1, instances + 1)]
