#!/usr/bin/env python3
"""Plants each known defect in a tree of its own, builds the test that must find it, and runs that test.

    run.py [--only TEXT] [--keep]

The tree is a worktree of the committed state, build/mutants/tree. Ends with 1 where a defect was not found, or where a test
fails without one.
"""
import argparse
import subprocess
import sys
import time
from pathlib import Path

import mutants

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / "build" / "mutants" / "tree"
BUILD = TREE / "build" / "debug"


def call(*command, cwd=TREE):
    return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def need(done):
    if done.returncode != 0:
        sys.exit(f"mutants: {' '.join(map(str, done.args))} failed:\n{done.stdout[-4000:]}")


def prepare_tree():
    if not TREE.exists():
        need(call("git", "worktree", "add", "--force", "--detach", str(TREE), "HEAD", cwd=ROOT))
    head = call("git", "rev-parse", "HEAD", cwd=ROOT).stdout.strip()
    need(call("git", "checkout", "--quiet", "--force", "--detach", head))
    need(call("cmake", "--preset", "debug"))


def build(targets):
    return call("ninja", "-C", str(BUILD), "-j2", *sorted(targets))


def try_one(mutant):
    """killed, survived, or why it could not be tried."""
    if mutant.occurrences(TREE) != 1:
        return "does not fit"
    mutant.plant(TREE)
    try:
        built = build([mutant.target])
        if built.returncode != 0:
            print(built.stdout[-2000:], file=sys.stderr)
            return "does not build"
        return "survived" if mutants.run_test(mutant, TREE, BUILD) else "killed"
    finally:
        need(call("git", "checkout", "--quiet", "--", mutant.file))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default="", help="part of a name")
    options.add_argument("--keep", action="store_true", help="leave the worktree for the next time")
    chosen = options.parse_args()
    wanted = [each for each in mutants.load() if chosen.only in each.name]
    prepare_tree()
    need(build({each.target for each in wanted}))
    for test in {(each.test, each.postgres): each for each in wanted}.values():
        if not mutants.run_test(test, TREE, BUILD):
            sys.exit(f"mutants: without any defect, this fails: {test.test}")
    failed = 0
    for each in wanted:
        began = time.monotonic()
        verdict = try_one(each)
        failed += verdict != "killed"
        print(f"{verdict:<14} {each.name:<70} {each.test.split(' ')[0]:<22} {time.monotonic() - began:5.0f} s", flush=True)
    print(f"{len(wanted) - failed} of {len(wanted)} found")
    if not chosen.keep:
        call("git", "worktree", "remove", "--force", str(TREE), cwd=ROOT)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
