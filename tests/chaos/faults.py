"""The faults, and the schedule of them that a seed stands for."""
import signal
from typing import NamedTuple


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
    scene.pause_until(lambda: not instance.is_running(), 3)
    scene.pause(planned.hold_s * planned.choice)
    scene.cluster.revive()


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
WITH_HERD = {edge_dies: 1}
BY_NAME = {each.__name__: each for each in (*ANYWHERE, *WITH_POSTGRES, *WITH_HERD)}


def weights_of(store, places, only=None):
    """The faults that are possible there, by how often they come. `places`: the fail points of this build."""
    weights = {**ANYWHERE, **(WITH_POSTGRES if store == "postgres" else {}), **(WITH_HERD if only else {})}
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


def plan_kills(random, places, instances):
    """A schedule that kills once at each of the places."""
    return [Planned(0, "kill_at_point", random.randint(1, instances), random.uniform(0, 1), random.random(),
                    f"{place}:{random.randint(1, 4)}") for place in random.sample(places, len(places))]
