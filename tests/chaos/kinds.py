"""The kinds of runs: which load, under which schedule of faults."""
import contextlib
from typing import Callable, NamedTuple

from faults import (Planned, cut_peers, edge_dies, fail_syncs, fill_disk, kill, kill_at_point, kill_at_syscall, kill_leader, lock_database,
                    lose_commit_answers, lose_commits, partition, pause, pause_leader, plan, plan_each, plan_kills, plan_restarts, restart_postgres,
                    stop_at_point)
from load import Caller, Clock, Crowd, Decider, Invoker, Repeater, Router, Starter, Writer
from clocks import wrong_clocks
from network import own_network
from scripts import APPROVALS, EVERYTHING, SHORT
from storage import small_disk

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


def mixed(at):
    return plan(at.random, at.seconds, at.store, at.instances, at.places, at.only)


def kills(at):
    return plan_kills(at.random, at.places, at.instances)


def edges(at):
    places = [each for each in at.places if each.split(".")[0] in ("edge", "relay", "tape")]
    return [each for _ in range(3) for each in plan_kills(at.random, places, at.instances)]


def short(at):
    some = at.random.sample(at.places, min(SHORT_KILLS, len(at.places)))
    return plan_each(at.random, at.store, at.instances, at.places) + plan_kills(at.random, some, at.instances)


def writers(at):
    return [Planned(0, "roughen_commits", 1, at.seconds, at.random.random())]


def rolling(at):
    return plan_restarts(at.instances, ROLLING_ROUNDS)


# What a call may come to however well everything works.
OUTCOMES = {"wrong_state", "approval_required", "policy_denied", "capability_failed"}


def failed_for_good(e):
    """Refusals that no other attempt would have helped against."""
    for name, line in e.lines("refused"):
        if not line["retryable"] and line["kind"] not in OUTCOMES:
            yield f"{name} was refused: {line}"


def some_of(*faults):
    names = [each.__name__ for each in faults]

    def schedule(at):
        return mixed(at._replace(only=at.only or names))
    return schedule


USUAL = [(Starter, 3), (Repeater, 1), (Router, 1), (Invoker, 1), (Clock, 1), (Caller, 1)]
KINDS = {
    "mixed": Kind("every fault, every kind of load", USUAL, [(Decider, 2)], EVERYTHING, 0.25, mixed),
    "kills": Kind("one kill at each fail point", USUAL, [(Decider, 2)], EVERYTHING, 0.25, kills),
    "edges": Kind("kills where replies, events and tapes go out", USUAL, [(Decider, 2)], EVERYTHING, 0.1, edges),
    "zombies": Kind("processes that stop past their lease and come back", USUAL, [(Decider, 2)], EVERYTHING, 0.25,
                    some_of(pause, stop_at_point)),
    "commits": Kind("COMMITs cut off, before they arrive and before their answer does", USUAL, [(Decider, 2)],
                    EVERYTHING, 0.1, some_of(lose_commit_answers, lose_commits, restart_postgres), stores=("postgres",)),
    "keys": Kind("the same key 2 to 16 times at once, and kills", [(Repeater, 4), (Router, 2), (Invoker, 2)], [(Decider, 1)], SHORT,
                 0.02, some_of(kill, kill_at_point, cut_peers)),
    "crowd": Kind("one approval decided 100 times at once, and kills", [(Starter, 2)], [(Crowd, 2)], APPROVALS, 0.1,
                  some_of(kill, kill_at_point, cut_peers)),
    "herd": Kind("an edge with a thousand subscribers dies, and all go on elsewhere", [(Starter, 1)], [(Decider, 1)],
                 EVERYTHING, 0.25, some_of(edge_dies), 1000),
    "writers": Kind("32 writers whose COMMITs are late or lost, beside idle transactions", [(Writer, 32)], [], SHORT, 0.01,
                    writers, stores=("postgres",)),
    "partitions": Kind("instances cut off from each other, from the store and from peers, in network namespaces", USUAL,
                       [(Decider, 2)], EVERYTHING, 0.1, some_of(partition), stores=("postgres",), ground=own_network),
    "clocks": Kind("schedulers whose clocks are an hour wrong, and the leader stopped or killed again and again",
                   [(Clock, 1), (Caller, 1)], [], SHORT, 2, some_of(pause_leader, kill_leader), stores=("postgres",),
                   ground=wrong_clocks),
    "syscalls": Kind("kills at the n-th write, sync or send, by strace", USUAL, [(Decider, 2)], EVERYTHING, 0.1,
                     some_of(kill_at_syscall)),
    "disk": Kind("a full disk, syncs that fail, a locked database", USUAL, [(Decider, 2)], EVERYTHING, 0.1,
                 some_of(fill_disk, fail_syncs, lock_database), stores=("sqlite",), ground=small_disk, answers=failed_for_good),
    "rolling": Kind("each instance restarted in turn, ten times", USUAL, [(Decider, 2)], EVERYTHING, 0.1, rolling,
                    answers=failed_for_good),
    "short": Kind("a little of everything, for CTest", USUAL, [(Decider, 2)], EVERYTHING, 0.25, short),
}
