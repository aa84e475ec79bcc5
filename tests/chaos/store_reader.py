"""Reads a store from outside, past the gateway: SQLite by Python's own module, PostgreSQL by psql."""
import contextlib
import json
import sqlite3
import subprocess

import with_postgres

TABLES = ("runs", "steps", "tape_items", "outbox", "approvals", "idempotency", "invocations", "instances", "sessions", "triggers",
          "trigger_firings", "routed_messages")


class StoreReader:
    def __init__(self, url):
        self.url = url

    def rows(self, query):
        """The rows of a query as dicts."""
        if self.url.startswith("sqlite:"):
            return self._sqlite_rows(query)
        done = subprocess.run(
            [with_postgres.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c",
             f"SELECT row_to_json(each) FROM ({query}) each"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(f"psql: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _sqlite_rows(self, query):
        path = self.url.removeprefix("sqlite:")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    def table(self, name):
        """All rows; none where the store has no such table."""
        listed = "sqlite_master WHERE type = 'table' AND name" if self.url.startswith("sqlite:") else \
            "pg_tables WHERE tablename"
        known = self.rows(f"SELECT 1 AS one FROM {listed} = '{name}'")
        return self.rows(f"SELECT * FROM {name}") if known else []

    def log_head(self):
        return self.rows("SELECT coalesce(max(seq), 0) AS head FROM outbox")[0]["head"]

    def tape_lengths(self):
        """Grows with each step that any run takes."""
        return self.rows("SELECT coalesce(sum(tape_seq), 0) AS items FROM runs")[0]["items"]

    def open_runs(self):
        """Runs that are neither over nor wait for a person's answer."""
        return self.rows(
            "SELECT run_id, state, claimable_at, lease_owner FROM runs WHERE state IN ('accepted', 'running', 'waiting')")
