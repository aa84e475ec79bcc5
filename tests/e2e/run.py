#!/usr/bin/env python3
"""Runs the end-to-end tests of this folder against a built gateway, on one kind of store."""
import argparse
import contextlib
import os
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import gateway  # noqa: E402
import with_postgres  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gatehouse", default=gateway.Settings.gatehouse, help="the program to test")
    parser.add_argument("--store", choices=("sqlite", "postgres", "pooler"), default="sqlite",
                        help="pooler: PostgreSQL behind PgBouncer in transaction mode")
    parser.add_argument("-k", dest="patterns", action="append", help="only tests whose name fits")
    parser.add_argument("-f", "--failfast", action="store_true")
    return parser.parse_args()


def run(options):
    loader = unittest.TestLoader()
    if options.patterns:
        loader.testNamePatterns = [each if "*" in each else f"*{each}*" for each in options.patterns]
    suite = loader.discover(str(HERE), "test_*.py", str(HERE))
    result = unittest.TextTestRunner(verbosity=2, failfast=options.failfast).run(suite)
    return 0 if result.wasSuccessful() and result.testsRun else 1


def main():
    options = arguments()
    gateway.Settings.gatehouse = os.path.abspath(options.gatehouse)
    gateway.Settings.store = options.store
    if options.store == "sqlite":
        return run(options)
    gateway.Settings.store, gateway.Settings.pooled = "postgres", options.store == "pooler"
    with with_postgres.private_server() as server, contextlib.ExitStack() as stack:
        gateway.Settings.postgres = server
        if options.store == "pooler":
            gateway.Settings.postgres = stack.enter_context(contextlib.closing(with_postgres.Pooler(server)))
        return run(options)


if __name__ == "__main__":
    sys.exit(main())
