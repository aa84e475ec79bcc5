#!/usr/bin/env python3
"""Chaos runs against a built gateway: seeded load, seeded faults, and every invariant checked after the last heal."""
import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "support")]
import with_postgres  # noqa: E402
from chaos import run_once  # noqa: E402
from faults import ANYWHERE, WITH_POSTGRES, weights_of  # noqa: E402
from gateway import Settings  # noqa: E402
from kinds import KINDS  # noqa: E402

RUN_SECONDS = 60  # a long run is many of these, each on a fresh store with a seed of its own


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, prog="./dev chaos")
    parser.add_argument("--minutes", type=float, help="how long in all (default: one run of each kind on each store)")
    parser.add_argument("--seconds", type=float, default=RUN_SECONDS, help="of faults in one run (default: 60)")
    parser.add_argument("--runs", type=int, default=1, help="of each kind on each store, where no --minutes are told (1)")
    parser.add_argument("--seed", type=int, help="of the first run; the others count on (default: random)")
    parser.add_argument("--store", choices=("sqlite", "postgres"), action="append",
                        help="may stand twice (default: both in turn)")
    parser.add_argument("--instances", type=int, default=3, help="gateways on one PostgreSQL (default: 3)")
    parser.add_argument("--lease-ms", type=int, default=1000, help="how long a silent process keeps its runs (default: 1000)")
    parser.add_argument("--fault", action="append", choices=sorted(each.__name__ for each in (*ANYWHERE, *WITH_POSTGRES)),
                        help="only this one; may stand more than once")
    parser.add_argument("--kind", dest="kinds", choices=KINDS, action="append", help="; ".join(
        f"{name}: {kind.says}" for name, kind in KINDS.items()) + " (default: all but short, in turn)")
    parser.add_argument("--gatehouse", default=Settings.gatehouse, help="the program to test")
    parser.add_argument("--before", metavar="PROGRAM",
                        help="what every instance runs until it is started again, as an older gateway that is replaced")
    parser.add_argument("--keep", action="store_true", help="keep the evidence of good runs too")
    return parser.parse_args()


def print_result(result, kind, fault_seconds, seconds):
    scene = result.scene
    instances = len(scene.cluster.instances)
    print(f"\nseed {scene.seed} · {scene.store} · {kind} · {instances} instance(s) · {seconds:.0f} s")
    print("  " + " · ".join(f"{name}: {value}" for name, value in result.counts().items()))
    print("  faults: " + ", ".join(f"{kind} × {count}" for kind, count in sorted(scene.injected.items())))
    if sum((cut := scene.cut_commits()).values()):
        print(f"  COMMITs cut: {cut['commit']} before they arrived, {cut['answer']} before their answer did")
    if scene.herd:
        print(f"  {len(scene.herd.sheep)} subscribers were all there again after "
              + ", ".join(f"{seconds:.1f} s" for seconds in scene.herd.gatherings_s))
    if hit := scene.kill_points_hit():
        print("  killed at: " + ", ".join(f"{place} × {count}" for place, count in sorted(hit.items())))
    if kind == "kills" and (missed := set(scene.fail_points) - set(hit)):
        print("  not reached: " + ", ".join(sorted(missed)))
    for name, says, looked_at, violations in result.checks:
        print(f"  {name:4} {says:40} {looked_at:8} checked  {len(violations) or 'none'} broken")
    for name, violation in result.violations[:60]:
        print(f"  VIOLATION {name}: {violation}")
    if result.violations:
        print(f"  evidence: {scene.directory}\n  again: ./dev chaos --seed {scene.seed} --store {scene.store} "
              f"--kind {kind} --instances {instances} --lease-ms {scene.cluster.lease_ms} --seconds {fault_seconds:g}")
    sys.stdout.flush()


class Totals:
    """What all runs came to; the runs themselves are not kept."""

    def __init__(self):
        self.seeds, self.faults, self.points, self.broken = [], Counter(), Counter(), Counter()

    def add(self, result):
        self.seeds.append(str(result.scene.seed))
        self.faults.update(result.scene.injected)
        self.faults.update({f"COMMIT cut: {what}": count for what, count in result.scene.cut_commits().items()})
        self.points.update(result.scene.kill_points_hit())
        self.broken.update(name for name, _ in result.violations)

    def print(self):
        print(f"\n{len(self.seeds)} runs, seeds {', '.join(self.seeds)}")
        for kind, count in sorted((+self.faults).items()):
            print(f"  {kind:24} {count:6}")
        print(f"  kill points hit: {sum(self.points.values())} at {len(self.points)} places: "
              + ", ".join(f"{place} × {count}" for place, count in sorted(self.points.items())))
        print("  violations: " + (", ".join(f"{name} × {count}" for name, count in sorted(self.broken.items())) or "none"))


@contextlib.contextmanager
def postgres_where_needed(stores):
    if "postgres" not in stores:
        yield None
        return
    with with_postgres.private_server() as server:
        Settings.postgres = server
        yield server


def run_turn(options, store, kind, seed, server):
    instances = options.instances if store == "postgres" else 1
    return run_once(seed, KINDS[kind], store, instances, options.seconds, options.lease_ms,
                    server if store == "postgres" else None, options.fault)


def turns_of(options):
    """(store, kind) in the order in which they take turns."""
    is_root = os.geteuid() == 0
    kinds = options.kinds or [name for name, kind in KINDS.items() if name != "short" and (is_root or not kind.needs_root)]
    if helpless := [each for each in kinds if KINDS[each].needs_root and not is_root]:
        sys.exit(f"./dev chaos: --kind {helpless[0]} mounts a disk of its own: it needs root.")
    turns = [(store, kind) for kind in kinds for store in options.store or ["sqlite", "postgres"]
             if store in KINDS[kind].stores] * options.runs
    if not turns:
        sys.exit(f"./dev chaos: --kind {' '.join(kinds)} needs another --store: {' '.join(KINDS[kinds[0]].stores)}.")
    for store, _ in turns:
        if not weights_of(store, ["any"], options.fault):
            sys.exit(f"./dev chaos: --fault {' '.join(options.fault)}: there is none of that on {store}; name the other --store.")
    return turns


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments()
    Settings.gatehouse = os.path.abspath(options.gatehouse)
    Settings.before = options.before and os.path.abspath(options.before)
    turns, totals = turns_of(options), Totals()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    until = time.monotonic() + (options.minutes or 0) * 60
    with postgres_where_needed({store for store, _ in turns}) as server:
        while time.monotonic() < until or (not options.minutes and len(totals.seeds) < len(turns)):
            (store, kind), started = turns[len(totals.seeds) % len(turns)], time.monotonic()
            result = run_turn(options, store, kind, seed + len(totals.seeds), server)
            totals.add(result)
            print_result(result, kind, options.seconds, time.monotonic() - started)
            if not result.violations and not options.keep:
                shutil.rmtree(result.scene.directory, ignore_errors=True)
    totals.print()
    return 1 if totals.broken else 0


if __name__ == "__main__":
    sys.exit(main())
