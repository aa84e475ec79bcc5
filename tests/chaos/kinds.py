"""The kinds of runs: which load, under which schedule of faults."""
import contextlib
from typing import Callable, NamedTuple

import faults
from clocks import wrong_clocks
from deciders import Crowd, Decider
from network import own_network
from repeaters import Invoker, Repeater, Router
from scripts import APPROVALS, EVERYTHING, SHORT
from starters import Starter, Writer
from storage import small_disk
from triggers import Caller, Clock

SHORT_KILLS = 4  # beside every other fault once
ROLLING_ROUNDS = 10


class Situation(NamedTuple):
    """What a schedule is made for."""
    random: object
    seconds: float
    store: str
    instances: int
    places: list  # the fail points of the build
    only: list  # names of faults, or nothing for all


class Kind(NamedTuple):
    says: str
    clients: list  # (what, how many) of those who ask for things
    deciders: list
    script: object  # what runs are made of
    pause_s: float  # the longest pause of a client
    schedule: Callable
    herd: int = 0  # subscribers beside the usual ones
    stores: tuple = ("sqlite", "postgres")
    ground: Callable = lambda scene: contextlib.nullcontext()  # what stands around the cluster while it runs
    answers: Callable = lambda evidence: ()  # sentences about answers that nobody should have got
    needs_root: bool = False


def mixed(at):
    return faults.plan(at.random, at.seconds, at.store, at.instances, at.places, at.only)


def kills(at):
    return faults.plan_kills(at.random, at.places, at.instances)


def edges(at):
    places = [each for each in at.places if each.split(".")[0] in ("edge", "relay", "tape")]
    return [each for _ in range(3) for each in faults.plan_kills(at.random, places, at.instances)]


def short(at):
    some = at.random.sample(at.places, min(SHORT_KILLS, len(at.places)))
    return faults.plan_each(at.random, at.store, at.instances, at.places) + faults.plan_kills(at.random, some, at.instances)


def writers(at):
    return [faults.Planned(0, "roughen_commits", 1, at.seconds, at.random.random())]


def rolling(at):
    return faults.plan_restarts(at.instances, ROLLING_ROUNDS)


# What a call may come to however well everything works.
OUTCOMES = {"wrong_state", "approval_required", "policy_denied", "capability_failed"}


def failed_for_good(e):
    """Refusals that no other attempt would have helped against."""
    for name, line in e.lines("refused"):
        if not line["retryable"] and line["kind"] not in OUTCOMES:
            yield f"{name} was refused: {line}"


def some_of(*some):
    names = [each.__name__ for each in some]

    def schedule(at):
        return mixed(at._replace(only=at.only or names))
    return schedule


USUAL = [(Starter, 3), (Repeater, 1), (Router, 1), (Invoker, 1), (Clock, 1), (Caller, 1)]
SAME_KEYS = [(Repeater, 4), (Router, 2), (Invoker, 2)]
ONE, TWO = [(Decider, 1)], [(Decider, 2)]
POSTGRES, SQLITE = ("postgres",), ("sqlite",)
KILLS = (faults.kill, faults.kill_at_point, faults.cut_peers)
KINDS = {
    "mixed": Kind("every fault, every kind of load", USUAL, TWO, EVERYTHING, 0.25, mixed),
    "kills": Kind("one kill at each fail point", USUAL, TWO, EVERYTHING, 0.25, kills),
    "edges": Kind("kills where replies, events and tapes go out", USUAL, TWO, EVERYTHING, 0.1, edges),
    "syscalls": Kind("kills at the n-th send, write or sync of a thread, by strace", USUAL, TWO, EVERYTHING, 0.1,
                     some_of(faults.kill_at_syscall)),
    "writers": Kind("32 writers whose COMMITs are late or lost, beside idle transactions", [(Writer, 32)], [], SHORT,
                    0.01, writers, stores=POSTGRES),
    "zombies": Kind("processes that stop past their lease and come back", USUAL, TWO, EVERYTHING, 0.25,
                    some_of(faults.pause, faults.stop_at_point)),
    "clocks": Kind("schedulers whose clocks are an hour wrong, and whose leader is stopped or killed again and again",
                   [(Clock, 1), (Caller, 1)], [], SHORT, 2, some_of(faults.pause_leader, faults.kill_leader),
                   stores=POSTGRES, ground=wrong_clocks),
    "commits": Kind("COMMITs cut off, before they arrive and before their answer does", USUAL, TWO, EVERYTHING, 0.1,
                    some_of(faults.lose_commit_answers, faults.lose_commits, faults.restart_postgres), stores=POSTGRES),
    "partitions": Kind("instances cut off from the store, from peers or from both, in network namespaces", USUAL, TWO,
                       EVERYTHING, 0.1, some_of(faults.partition), stores=POSTGRES, ground=own_network),
    "keys": Kind("the same key 2 to 16 times at once, and kills", SAME_KEYS, ONE, SHORT, 0.02, some_of(*KILLS)),
    "crowd": Kind("one approval decided 100 times at once, and kills", [(Starter, 2)], [(Crowd, 2)], APPROVALS, 0.1,
                  some_of(*KILLS)),
    "herd": Kind("an edge with two thousand subscribers dies, and all go on elsewhere", [(Starter, 1)], ONE, EVERYTHING,
                 0.25, some_of(faults.edge_dies), herd=2000),
    "disk": Kind("a full disk, syncs that fail, a locked database", USUAL, TWO, EVERYTHING, 0.1,
                 some_of(faults.fill_disk, faults.fail_syncs, faults.lock_database), stores=SQLITE, ground=small_disk,
                 answers=failed_for_good, needs_root=True),
    "rolling": Kind("each instance restarted in turn, ten times", USUAL, TWO, EVERYTHING, 0.1, rolling,
                    answers=failed_for_good),
    "short": Kind("a little of everything, for CTest", USUAL, TWO, EVERYTHING, 0.25, short),
}
