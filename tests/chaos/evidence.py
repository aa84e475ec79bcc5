"""All that is known after a run: the ledger, the journals, and the store as it stands after the last heal."""
import json
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import journal
from store_reader import TABLES

JSON_COLUMNS = {"payload", "input", "output", "error", "arguments", "reply", "subject", "result", "artifacts", "evidence"}
TEXT_COLUMNS = {("runs", "output")}  # plain text where others have JSON


def parse_row(table, row):
    """A row whose JSON columns are values."""
    return {name: json.loads(value) if name in JSON_COLUMNS and (table, name) not in TEXT_COLUMNS and value else value
            for name, value in row.items()}


def timestamp(milliseconds):
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"


def milliseconds(text):
    """The reverse of timestamp()."""
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def matches(topics, row):
    """Whether an event of the log belongs to one of the topics."""
    own = {"*", row["topic"], row["category"], f"session:{row['session_id']}"}
    return bool(own & set(topics))


def fork_note(tape):
    """The note behind what a fork copied of its source; None in the tape of a run that is no fork."""
    notes = [item for item in tape if item["kind"] == "note" and "forked_from" in item["payload"]]
    return notes[-1] if notes else None


class Evidence:
    """`tables`: name -> rows. `ledger`: effects in their order. `journals`: name -> lines."""

    def __init__(self, tables, ledger, journals, log_start=0, log_end=None, secrets=(), texts=()):
        self.ledger, self.journals = ledger, journals
        self.log_start = log_start
        self.secrets, self.texts = list(secrets), list(texts)
        self.runs = {row["run_id"]: row for row in tables["runs"]}
        self.approvals = {row["approval_id"]: row for row in tables["approvals"]}
        self.outbox = sorted(tables["outbox"], key=lambda row: row["seq"])
        self.log_end = log_end if log_end is not None else (self.outbox[-1]["seq"] if self.outbox else 0)
        self.idempotency = {(row["method"], row["key"]): row for row in tables["idempotency"]}
        self.steps = {(row["run_id"], f"step_{row['ordinal']}"): row for row in tables["steps"]}
        self.invocations = {row["invocation_id"]: row for row in tables["invocations"]}
        self.tapes = defaultdict(list)
        for row in sorted(tables["tape_items"], key=lambda row: (row["run_id"], row["seq"])):
            self.tapes[row["run_id"]].append({
                "seq": row["seq"], "kind": row["kind"], "occurred_at": timestamp(row["occurred_at"]),
                "at_ms": row["occurred_at"], "payload": row["payload"], "prev_hash": row["prev_hash"],
                "hash": row["hash"]})
        self.forks = {run_id: note for run_id, tape in self.tapes.items() for note in [fork_note(tape)] if note}
        self.sessions = {row["session_id"]: row for row in tables.get("sessions", [])}
        self.triggers = {row["trigger_id"]: row for row in tables.get("triggers", [])}
        self.routed = {(row["channel"], row["message_id"]): row for row in tables.get("routed_messages", [])}
        self.firings = sorted(tables.get("trigger_firings", []), key=lambda row: (row["trigger_id"], row["due_at"]))

    @classmethod
    def collect(cls, reader, directory, **named):
        """Reads the store, and the ledger and journals below `directory`."""
        tables = {name: [parse_row(name, row) for row in reader.table(name)] for name in TABLES}
        directory = Path(directory)
        journals = {path.stem.removeprefix("journal-"): journal.read(path)
                    for path in sorted(directory.glob("journal-*.jsonl"))}
        ledger = [json.loads(line) for line in (directory / "ledger").read_text(encoding="utf-8").splitlines()]
        return cls(tables, ledger, journals, **named)

    # --- what the checks ask for again and again

    def lines(self, what, **facts):
        """(journal, line) of every line of that kind."""
        for name, lines in self.journals.items():
            for line in lines:
                if line["what"] == what and all(line.get(key) == value for key, value in facts.items()):
                    yield name, line

    def acknowledged(self, method):
        return [line for _, line in self.lines("ack", method=method)]

    def items(self, run_id, *kinds):
        return [item for item in self.tapes[run_id] if item["kind"] in kinds]

    def own_items(self, run_id, *kinds):
        """Those behind what a fork copied."""
        first = self.forks[run_id]["seq"] + 1 if run_id in self.forks else 1
        return [item for item in self.items(run_id, *kinds) if item["seq"] >= first]

    def begun_runs(self):
        """Runs whose input somebody gave them: no forks, and none that the gateway makes for itself."""
        return [run for run_id, run in self.runs.items() if run_id not in self.forks and run.get("purpose", "message") == "message"]
