"""The checker finds what is planted for it, each by its own invariant, and nothing in evidence that is right."""
import copy
import hashlib
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "support")]
import canonical  # noqa: E402
from evidence import Evidence, timestamp  # noqa: E402
from invariants import INVARIANTS, check_all  # noqa: E402

RUN, SESSION, APPROVAL = "run_1", "ses_1", "app_1"
FORK, FORK_SESSION, FORKED_AT = "run_1f", "ses_1f", 6
KEY, ARGUMENTS = "run_1:1:1", {"key": "m.1", "node": "north"}


def chained(items, run_id=RUN):
    """Rows of tape_items out of (kind, payload)."""
    previous, rows = "0" * 64, []
    for seq, (kind, payload) in enumerate(items, 1):
        at = 1_000_000 + seq
        text = "\n".join([previous, str(seq), kind, timestamp(at), canonical.canonical(payload)])
        rows.append({"run_id": run_id, "seq": seq, "kind": kind, "occurred_at": at, "payload": payload,
                     "prev_hash": previous, "hash": hashlib.sha256(text.encode()).hexdigest()})
        previous = rows[-1]["hash"]
    return rows


def changed(state_from, state_to):
    return ("status_change", {"from": state_from, "to": state_to})


TAPE = [
    changed(None, "accepted"), ("input", {"text": "/say m"}),
    ("lease", {"owner": "ins_1", "epoch": 1, "reason": "start"}), changed("accepted", "running"),
    ("provider_request", {"step_id": "turn_1"}),
    ("provider_response", {"step_id": "turn_1", "text": "m", "usage": {"input_tokens": 2, "output_tokens": 1}}),
    ("policy_decision", {"step_id": "step_1", "effect": "ask"}),
    ("approval_request", {"approval_id": APPROVAL, "step_id": "step_1"}), changed("running", "waiting"),
    ("approval_decision", {"approval_id": APPROVAL, "step_id": "step_1", "decision": "approve"}),
    changed("waiting", "running"), ("lease", {"owner": "ins_1", "epoch": 2, "reason": "resume"}),
    ("tool_call", {"step_id": "step_1", "tool": "node__world__guarded", "arguments": ARGUMENTS, "attempt": 1,
                   "idempotency_key": KEY}),
    ("tool_output", {"step_id": "step_1", "ok": True, "output": {"done": "m.1"}}),
    ("provider_request", {"step_id": "turn_2"}),
    ("provider_response", {"step_id": "turn_2", "text": "end", "usage": {"input_tokens": 3, "output_tokens": 1}}),
    changed("running", "succeeded"),
]


# From behind the first answer, which the fork therefore asks for anew.
FORK_TAPE = TAPE[:FORKED_AT] + [
    ("note", {"forked_from": {"run_id": RUN, "at_seq": FORKED_AT}}),
    ("lease", {"owner": "ins_1", "epoch": 1, "reason": "start"}), changed("accepted", "running"),
    ("provider_request", {"step_id": "turn_2"}),
    ("provider_response", {"step_id": "turn_2", "text": "end", "usage": {"input_tokens": 3, "output_tokens": 1}}),
    changed("running", "succeeded"),
]


def event(seq, state_from, state_to, run_id=RUN, session_id=SESSION):
    return {"seq": seq, "event_id": f"event_{seq}", "topic": f"run:{run_id}", "category": "runs", "session_id": session_id,
            "type": "run.state_changed",
            "payload": {"run_id": run_id, "session_id": session_id, "from": state_from, "to": state_to}}


def trigger_event(seq, state, slot):
    return {"seq": seq, "event_id": f"event_{seq}", "topic": "triggers", "category": "triggers", "session_id": None,
            "type": f"trigger.{state}", "payload": {"name": "tick", "slot": slot}}


def forked(source, tape):
    """The row of the fork of this run."""
    return {**source, "run_id": FORK, "session_id": FORK_SESSION, "output": "end", "steps": 0, "lease_epoch": 1,
            "tape_seq": len(tape), "tape_hash": tape[-1]["hash"]}


def good_tables():
    tape, fork_tape = chained(TAPE), chained(FORK_TAPE, FORK)
    subject = {"tool": "node__world__guarded", "arguments": ARGUMENTS, "run_id": RUN, "step_id": "step_1"}
    run = {"run_id": RUN, "session_id": SESSION, "state": "succeeded",
           "input": {"text": "/say m", "origin": {"channel": "chat", "message_id": "1"}}, "output": "m\nend",
           "input_tokens": 5, "output_tokens": 2, "ordinal": 1, "turn": 2, "steps": 1, "claimable_at": None,
           "lease_owner": None, "lease_epoch": 2, "tape_seq": len(tape), "tape_hash": tape[-1]["hash"],
           "waiting_on": None}
    step = {"run_id": RUN, "ordinal": 1, "tool": "node__world__guarded", "state": "finished", "ok": 1,
            "idempotency_key": KEY, "arguments": ARGUMENTS, "output": {"done": "m.1"}}
    approval = {"approval_id": APPROVAL, "kind": "call", "run_id": RUN, "state": "approved", "decision": "approve",
                "subject": subject, "subject_hash": canonical.digest(subject)}
    log = [event(1, None, "accepted"), event(2, "accepted", "running"), event(3, "running", "waiting"),
           event(4, "waiting", "running"), event(5, "running", "succeeded"),
           event(6, None, "accepted", FORK, FORK_SESSION), event(7, "accepted", "running", FORK, FORK_SESSION),
           event(8, "running", "succeeded", FORK, FORK_SESSION),
           trigger_event(9, "fired", "0"), trigger_event(10, "missed", "1"), trigger_event(11, "missed", "2")]
    reply = {"run_id": RUN, "session_id": SESSION, "state": "accepted"}
    return {"runs": [run, forked(run, fork_tape)], "steps": [step], "tape_items": tape + fork_tape, "approvals": [approval], "outbox": log,
            "sessions": [{"session_id": SESSION, "session_key": "trigger:tick"}],
            "triggers": [{"trigger_id": "trg_1", "name": "tick", "kind": "cron", "every_ms": None, "missed": "skip"}],
            "trigger_firings": [
                {"trigger_id": "trg_1", "slot": "0", "due_at": 1_000, "state": "fired", "run_id": RUN},
                {"trigger_id": "trg_1", "slot": "1", "due_at": 2_000, "state": "missed", "run_id": None},
                {"trigger_id": "trg_1", "slot": "2", "due_at": 3_000, "state": "missed", "run_id": None}],
            "routed_messages": [{"channel": "chat", "message_id": "1", "run_id": RUN}],
            "idempotency": [{"method": "run.start", "key": "m", "reply": reply}],
            "invocations": [{"invocation_id": "inv_1", "state": "succeeded", "result": {"done": "direct"}}]}


def good_ledger():
    return [{"key": KEY, "argument": "m.1", "arguments_hash": canonical.digest({"key": "m.1"}), "attempt": 1, "epoch": 2,
             "run_id": RUN, "operation": "guarded", "at_ms": 2_000_000},
            {"key": "inv_1", "argument": "direct", "operation": "act", "run_id": None, "epoch": None, "at_ms": 2_000_000}]


def good_journals(tables):
    start = {"what": "ack", "method": "run.start", "params": {"idempotency_key": "m"},
             "result": tables["idempotency"][0]["reply"]}
    routed = {"what": "ack", "method": "message.route", "params": {"channel": "chat", "message_id": "1"},
              "result": {"run_id": RUN, "session_id": SESSION}}
    seen = [{name: row[name] for name in ("event_id", "type", "payload")}
            for row in tables["outbox"] if row["category"] == "runs"]
    items = [{"seq": row["seq"], "hash": row["hash"]} for row in tables["tape_items"] if row["run_id"] == RUN]
    return {
        "invoker": [{"what": "ack", "method": "node.invoke", "params": {
            "idempotency_key": "direct", "arguments": {"key": "direct"}, "operation": "act"},
            "result": {"invocation_id": "inv_1", "state": "succeeded", "result": {"done": "direct"}}}],
        "starter": [start, copy.deepcopy(start),
                    {"what": "ack", "method": "run.get", "params": {}, "result": {
                        "run_id": RUN, "state": "succeeded", "output": {"text": "m\nend"}}}],
        "forker": [{"what": "ack", "method": "run.fork", "params": {"run_id": RUN, "at_seq": FORKED_AT},
                    "result": {"run_id": FORK, "session_id": FORK_SESSION}}],
        "caller": [{"what": "ack", "method": "hook", "params": {"nonce": "0"}, "result": {"slot": "0", "run_id": RUN}}],
        "router": [routed, copy.deepcopy(routed)],
        "clock": [{"what": "slots", "trigger": "tick", "first": 1_000, "last": 2_500}],
        "decider": [{"what": "ack", "method": "approval.resolve",
                     "params": {"approval_id": APPROVAL, "decision": "approve"}, "result": {}}],
        "events": [{"what": "subscribe", "topics": ["runs"]},
                   {"what": "events", "number": 1, "events": seen[:3]},
                   {"what": "events", "number": 2, "events": seen[2:]}],
        "tapes": [{"what": "tape", "run_id": RUN, "number": 1, "items": items},
                  {"what": "tape.end", "run_id": RUN, "state": "succeeded"}],
        "sampler": [{"what": "sample", "instance": 1, "resident_bytes": 1, "descriptors": 1}],
    }


class World:
    """Good evidence that a test may break before it is checked."""

    def __init__(self):
        self.tables, self.ledger = good_tables(), good_ledger()
        self.journals = good_journals(self.tables)
        self.texts = [("log", b"nothing")]
        self.run, self.step, self.approval = (self.tables[name][0] for name in ("runs", "steps", "approvals"))

    def retape(self, items):
        tape = chained(items)
        self.tables["tape_items"] = tape + chained(FORK_TAPE, FORK)
        self.run["tape_seq"], self.run["tape_hash"] = len(items), tape[-1]["hash"]
        del self.journals["tapes"]

    def refork(self, items):
        """Another tape for the fork; its chain holds."""
        tape, fork = chained(items, FORK), self.tables["runs"][1]
        self.tables["tape_items"] = [row for row in self.tables["tape_items"] if row["run_id"] == RUN] + tape
        fork["tape_seq"], fork["tape_hash"] = len(tape), tape[-1]["hash"]

    def drop(self, kind):
        self.retape([each for each in TAPE if each[0] != kind])

    def broken(self):
        evidence = Evidence(self.tables, self.ledger, self.journals, secrets=["gth_secret"], texts=self.texts)
        return {name for name, _, _, violations in check_all(evidence) if violations}


def second_run_beside(world):
    world.tables["runs"].append({**world.run, "run_id": "run_2", "ordinal": 2})
    world.tables["outbox"].insert(2, {**event(2.5, "accepted", "running", "run_2")})


def event_in_wrong_order(world):
    first, second = world.journals["events"][1:]
    first["events"], second["events"] = second["events"][1:], first["events"]


def older_epoch_again(world):
    items = list(TAPE)
    items[11] = ("lease", {"owner": "ins_1", "epoch": 1, "reason": "resume"})
    world.retape(items)


def changed_in_the_copy(world):
    items = list(FORK_TAPE)
    items[1] = ("input", {"text": "/say else"})
    world.refork(items)


def unsettled_turn_kept(world):
    world.tables["runs"][1].update(output="m\nend")


# what is planted -> the invariant that must name it
PLANTED = {
    "I1": [lambda w: w.journals["starter"][0]["result"].update(run_id="run_9"),
           lambda w: w.journals["starter"].append({"what": "ack", "method": "run.cancel", "params": {"run_id": RUN},
                                                   "result": {}}),
           lambda w: w.journals["starter"].append({"what": "ack", "method": "run.input", "result": {},
                                                   "params": {"run_id": RUN, "text": "more"}}),
           lambda w: w.journals["starter"][2]["result"].update(output={"text": "else"}),
           lambda w: w.approval.update(decision="deny"),
           lambda w: w.journals["events"][1]["events"].append({"event_id": "event_x", "type": "t", "payload": {}}),
           lambda w: w.journals["forker"][0]["params"].update(at_seq=3),
           lambda w: w.journals["forker"][0]["result"].update(run_id="run_9")],
    "I2": [lambda w: w.run.update(state="running"), lambda w: w.run.update(state="accepted"),
           lambda w: w.run.update(state="waiting", waiting_on=APPROVAL)],
    "I3": [lambda w: w.retape(TAPE + [TAPE[13]]), lambda w: w.retape(TAPE[:6] + TAPE[5:]),
           lambda w: w.step.update(state="started")],
    "I4": [lambda w: w.ledger.append({**w.ledger[0]}), lambda w: w.ledger[0].update(key="run_1:1:2"),
           lambda w: w.ledger[0].update(at_ms=5), lambda w: w.ledger.pop(0), lambda w: w.ledger.pop(1),
           lambda w: w.ledger.append({**w.ledger[1], "key": "inv_2"}),
           lambda w: w.tables["invocations"][0].update(state="failed")],
    "I5": [older_epoch_again, lambda w: w.run.update(lease_epoch=1), lambda w: w.ledger[0].update(epoch=7)],
    "I6": [lambda w: w.tables["tape_items"].pop(4), lambda w: w.tables["tape_items"][1].update(payload={"text": "else"}),
           lambda w: w.run.update(tape_hash="0"), lambda w: w.journals["tapes"][0]["items"].pop(2),
           lambda w: w.journals["tapes"][0]["items"][2].update(hash="0"),
           lambda w: w.journals["tapes"][1].update(state="failed"), changed_in_the_copy,
           lambda w: w.refork(FORK_TAPE[:5] + FORK_TAPE[6:])],
    "I7": [second_run_beside],
    "I8": [lambda w: w.journals["events"][2]["events"].pop(), event_in_wrong_order,
           lambda w: w.journals["events"][1]["events"].append(w.journals["events"][1]["events"][0]),
           lambda w: w.journals["events"].append({"what": "refused", "kind": "cursor_expired"})],
    "I9": [lambda w: w.journals["starter"][1]["result"].update(state="running"),
           lambda w: w.tables["idempotency"].clear(),
           lambda w: w.tables["runs"].append({**w.run, "run_id": "run_2", "input": {"text": "/say m"}}),
           lambda w: w.tables["runs"].append({**w.run, "run_id": "run_2", "input": {**w.run["input"], "text": "m"}}),
           lambda w: w.journals["router"][1]["result"].update(run_id="run_9"),
           lambda w: w.tables["routed_messages"][0].update(run_id="run_9"), lambda w: w.tables["routed_messages"].clear()],
    "I10": [lambda w: w.journals["decider"].append({"what": "ack", "method": "approval.resolve", "result": {},
                                                    "params": {"approval_id": APPROVAL, "decision": "deny"}}),
            lambda w: w.approval["subject"].update(agent="x"), lambda w: w.ledger[0].update(arguments_hash="0"),
            lambda w: w.drop("approval_decision"), lambda w: w.approval.update(decision="deny", state="denied"),
            lambda w: w.ledger[1].update(operation="guarded")],
    "I11": [lambda w: w.tables["trigger_firings"].pop(1),
            lambda w: w.tables["trigger_firings"].append({**w.tables["trigger_firings"][0], "slot": "3", "due_at": 4_000}),
            lambda w: w.tables["trigger_firings"][0].update(state="missed"),
            lambda w: w.tables["trigger_firings"][1].update(state="fired", run_id="run_9"),
            lambda w: w.tables["trigger_firings"][1].update(state="fired"),
            lambda w: w.tables["triggers"][0].update(missed="run_once"),
            lambda w: w.tables["trigger_firings"].clear(), lambda w: w.journals["clock"][0].update(last=4_000),
            lambda w: w.journals["caller"][0]["result"].update(run_id="run_9"),
            lambda w: w.journals["clock"][0].update(first=500), lambda w: w.tables["outbox"].pop(-1),
            lambda w: w.tables["outbox"].append(trigger_event(12, "fired", "0"))],
    "I12": [lambda w: w.texts.append(("log", b"token gth_secret")), lambda w: w.texts.append(("dump", b"gth_secret".hex().encode()))],
    "I13": [lambda w: w.drop("policy_decision"), lambda w: w.drop("approval_decision")],
    "I14": [lambda w: w.journals["sampler"][0].update(resident_bytes=1 << 40)],
    "I15": [lambda w: w.run.update(turn=3), lambda w: w.run.update(output="m"), lambda w: w.run.update(output_tokens=7),
            lambda w: w.run.update(steps=2), lambda w: w.step.update(output={"done": "else"}),
            lambda w: w.step.update(arguments={}), lambda w: w.run.update(waiting_on=APPROVAL), unsettled_turn_kept],
}


class CheckerTest(unittest.TestCase):
    def test_every_invariant_has_planted_violations(self):
        self.assertEqual([name for name, _, _ in INVARIANTS], list(PLANTED))

    def test_good_evidence_breaks_nothing(self):
        self.assertEqual(set(), World().broken())

    def test_what_is_planted_is_found(self):
        for name, plants in PLANTED.items():
            for number, plant in enumerate(plants):
                with self.subTest(invariant=name, number=number):
                    world = World()
                    plant(world)
                    self.assertIn(name, world.broken())


if __name__ == "__main__":
    unittest.main()
