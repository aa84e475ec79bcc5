"""The invariants of a gateway (I1–I15) as checks over the evidence.

A check yields (holds, sentence) for each single thing that it looked at; the sentence says what broke, with ids.
"""
import base64
from collections import Counter, defaultdict

import canonical
from evidence import matches
from tape_replay import replay

TERMINAL = ("succeeded", "failed", "cancelled")


def nothing_acknowledged_is_lost(e):
    for ack in e.acknowledged("run.start") + e.acknowledged("message.route") + e.acknowledged("run.fork"):
        run = e.runs.get(ack["result"]["run_id"])
        yield run and run["session_id"] == ack["result"]["session_id"], f"an accepted run is gone: {ack['result']}"
    for ack in e.acknowledged("run.fork"):
        told, note = ack["params"], e.forks.get(ack["result"]["run_id"])
        wanted = {"run_id": told["run_id"], "at_seq": told["at_seq"]}
        yield note and note["payload"]["forked_from"] == wanted, f"{ack['result']['run_id']} is no fork of {wanted}: {note}"
    for ack in e.acknowledged("run.cancel"):
        state = e.runs.get(ack["params"]["run_id"], {}).get("state")
        yield state == "cancelled", f"{ack['params']['run_id']} was told to cancel and is {state}"
    for ack in e.acknowledged("run.input"):
        taken = [item["payload"]["text"] for item in e.items(ack["params"]["run_id"], "input")]
        yield ack["params"]["text"] in taken, f"an input is not on the tape: {ack['params']}"
    for ack in e.acknowledged("approval.resolve"):
        row = e.approvals.get(ack["params"]["approval_id"], {})
        yield (row.get("decision") == ack["params"]["decision"],
               f"{ack['params']['approval_id']} was decided {ack['params']['decision']} and is {row.get('decision')}")
    for ack in e.acknowledged("run.get"):
        told, run = ack["result"], e.runs.get(ack["result"]["run_id"], {})
        if told["state"] in TERMINAL:
            yield run.get("state") == told["state"], f"{told['run_id']} was {told['state']} and is {run.get('state')}"
            text = told.get("output", {}).get("text")
            yield text is None or text == run.get("output"), f"{told['run_id']}: another output than was told: {text}"
    yield from received_events_are_stored(e)


def received_events_are_stored(e):
    stored = {row["event_id"]: row for row in e.outbox}
    for name, line in e.lines("events"):
        for event in line["events"]:
            row = stored.get(event["event_id"])
            yield (row and row["type"] == event["type"] and row["payload"] == event["payload"],
                   f"{name} got an event that the log does not have: {event}")


def every_run_comes_to_rest(e):
    pending = Counter(a["run_id"] for a in e.approvals.values() if a["state"] == "pending")
    waiting_sessions = {r["session_id"] for r in e.runs.values() if r["state"] == "waiting"}
    for run in e.runs.values():
        rests = (run["state"] in TERMINAL or run["state"] == "waiting" and pending[run["run_id"]]
                 or run["state"] == "accepted" and run["session_id"] in waiting_sessions)
        yield rests, (f"{run['run_id']} is {run['state']}: claimable_at {run['claimable_at']}, "
                      f"owner {run['lease_owner']}, epoch {run['lease_epoch']}")


def one_outcome_a_step(e):
    for run_id in e.runs:
        outcomes = Counter(item["payload"]["step_id"]
                           for item in e.items(run_id, "tool_output", "provider_response"))
        for step_id, count in outcomes.items():
            yield count == 1, f"{run_id} has {count} outcomes of {step_id}"
    for (run_id, step_id), step in e.steps.items():
        outputs = [item for item in e.items(run_id, "tool_output") if item["payload"]["step_id"] == step_id]
        yield (step["state"] == "finished") == bool(outputs), f"{run_id} {step_id} is {step['state']}: {outputs}"


def effects_are_not_repeated(e):
    by_key, by_step = Counter(entry["key"] for entry in e.ledger), defaultdict(list)
    for key, count in by_key.items():
        yield count == 1, f"the effect {key} happened {count} times"
    for entry in filter(lambda entry: entry["run_id"], e.ledger):
        calls = [item for item in e.items(entry["run_id"], "tool_call")
                 if item["payload"]["idempotency_key"] == entry["key"]]
        yield calls, f"an effect that no tape announces: {entry}"
        if calls:
            yield calls[0]["at_ms"] <= entry["at_ms"], f"an effect before its tool_call was committed: {entry}"
            by_step[entry["run_id"], calls[0]["payload"]["step_id"]].append(entry)
    for (run_id, step_id), entries in by_step.items():
        retries = sum(1 for item in e.items(run_id, "approval_decision")
                      if item["payload"].get("step_id") == step_id and item["payload"].get("decision") == "retry")
        yield len(entries) <= 1 + retries, f"{run_id} {step_id}: {len(entries)} effects, {retries} retries: {entries}"
    yield from completed_effects_are_known(e, by_step)
    yield from direct_calls_happen_once(e)


def completed_effects_are_known(e, effects):
    """What the gateway takes for done was done, and done last."""
    for (run_id, step_id), step in e.steps.items():
        if step["state"] != "finished" or not step["ok"] or step["tool"].endswith("__look"):
            continue
        keys = [entry["key"] for entry in effects.get((run_id, step_id), [])]
        yield keys and keys[-1] == step["idempotency_key"], (
            f"{run_id} {step_id} is done under {step['idempotency_key']}, and the world saw {keys}")


def direct_calls_happen_once(e):
    """Calls without a run: nobody decides on a second attempt, so whatever became of it there is one effect at most."""
    effects = Counter(entry["argument"] for entry in e.ledger if not entry["run_id"])
    for argument, count in effects.items():
        yield count == 1, f"the direct call {argument} had {count} effects"
    for ack in e.acknowledged("node.invoke"):
        argument, row = ack["params"]["arguments"]["key"], e.invocations.get(ack["result"]["invocation_id"], {})
        yield row.get("state") == "succeeded" and row["result"] == ack["result"]["result"], f"{ack} stands as {row}"
        yield effects[argument] == 1 or ack["params"]["operation"] == "look", f"{ack} had {effects[argument]} effects"


def who_lost_its_lease_writes_nothing(e):
    for run_id, run in e.runs.items():
        epochs = [item["payload"]["epoch"] for item in e.own_items(run_id, "lease")]
        yield epochs == sorted(set(epochs)), f"{run_id}: the epochs on its tape are {epochs}"
        yield not epochs or epochs[-1] <= run["lease_epoch"], f"{run_id}: epoch {run['lease_epoch']} after {epochs}"
    for entry in filter(lambda entry: entry["run_id"], e.ledger):
        # A call may go out under the number that its run got when its owner was declared dead, before the next one.
        newest = e.runs.get(entry["run_id"], {}).get("lease_epoch", 0)
        yield 1 <= entry["epoch"] <= newest, f"an effect for epoch {entry['epoch']}, where there were {newest}: {entry}"


def tapes_are_whole(e):
    for run_id, run in e.runs.items():
        tape = e.tapes[run_id]
        try:
            canonical.check_tape(tape)
            broken = None
        except AssertionError as failure:
            broken = failure
        yield broken is None, f"the tape of {run_id}: {broken}"
        head = (tape[-1]["seq"], tape[-1]["hash"]) if tape else (0, None)
        yield head == (run["tape_seq"], run["tape_hash"]), f"{run_id} says {run['tape_seq']}, its tape ends at {head[0]}"
    for run_id in e.tapes:
        yield run_id in e.runs, f"a tape without its run: {run_id}"
    yield from forks_begin_as_their_sources(e)
    yield from followed_tapes_are_the_stored_ones(e)


def forks_begin_as_their_sources(e):
    for run_id, note in e.forks.items():
        source, at_seq = note["payload"]["forked_from"]["run_id"], note["payload"]["forked_from"]["at_seq"]
        yield note["seq"] == at_seq + 1, f"{run_id} was forked at {at_seq} and says so at {note['seq']}"
        yield e.tapes[run_id][:at_seq] == e.tapes[source][:at_seq], f"{run_id} does not begin as {source} up to {at_seq}"


def followed_tapes_are_the_stored_ones(e):
    followed = defaultdict(set)
    newest = {}
    for name, line in e.lines("tape"):
        tape = {item["seq"]: item["hash"] for item in e.tapes[line["run_id"]]}
        for item in line["items"]:
            yield tape.get(item["seq"]) == item["hash"], f"{name} got {line['run_id']} {item['seq']} with another hash"
            followed[name, line["run_id"]].add(item["seq"])
            place = (name, line["run_id"], line["number"])
            yield item["seq"] > newest.get(place, 0), f"{name} got {line['run_id']} {item['seq']} twice or too late"
            newest[place] = item["seq"]
    for name, line in e.lines("tape.end"):
        run = e.runs[line["run_id"]]
        missing = set(range(1, run["tape_seq"] + 1)) - followed[name, line["run_id"]]
        yield not missing, f"{name} followed {line['run_id']} to its end and never got {sorted(missing)}"
        yield run["state"] == line["state"], f"{name} was told that {line['run_id']} ended {line['state']}"


def runs_of_a_session_take_turns(e):
    active, last_ordinal = {}, defaultdict(int)
    for row in e.outbox:
        if row["type"] != "run.state_changed":
            continue
        told = row["payload"]
        session, run_id = told["session_id"], told["run_id"]
        run = e.runs.get(run_id)
        if run is None:
            yield False, f"the log tells of {run_id}, which does not exist"
        elif told["to"] in ("running", "waiting"):
            yield active.get(session, run_id) == run_id, f"{run_id} works beside {active.get(session)} ({row['seq']})"
            yield last_ordinal[session] <= run["ordinal"], f"{run_id} works out of its session's order ({row['seq']})"
            active[session], last_ordinal[session] = run_id, run["ordinal"]
        elif told["to"] in TERMINAL and active.get(session) == run_id:
            del active[session]


def readers_of(e):
    """(name, lines) of each subscriber; a journal may hold those of many."""
    for name, lines in e.journals.items():
        of_reader = defaultdict(list)
        for line in lines:
            if line["what"] in ("subscribe", "events", "refused"):
                of_reader[line.get("reader")].append(line)
        for reader, own in of_reader.items():
            if own[0]["what"] == "subscribe":
                yield (name if reader is None else f"{name}/{reader}"), own


def subscribers_miss_nothing(e):
    place = {row["event_id"]: row["seq"] for row in e.outbox}
    for name, lines in readers_of(e):
        expected = {row["event_id"] for row in e.outbox
                    if e.log_start < row["seq"] <= e.log_end and matches(lines[0]["topics"], row)}
        got, last, first_of = set(), Counter(), defaultdict(list)
        for line, event in ((line, event) for line in lines for event in line.get("events", [])):
            seq = place.get(event["event_id"], 0)
            yield seq > last[line["number"]], f"{name}: {event['event_id']} twice or too late in one subscription"
            last[line["number"]] = seq
            if event["event_id"] not in got and "run_id" in event["payload"]:
                first_of[event["payload"]["run_id"]].append(seq)
            got.add(event["event_id"])
        for event_id in sorted(expected - got, key=place.get):
            yield False, f"{name} never got {event_id} (seq {place[event_id]})"
        yield True, f"{len(got)} events"
        for run_id, seqs in first_of.items():
            yield seqs == sorted(seqs), f"{name} got the events of {run_id} in the order {seqs}"
        for line in lines:
            yield line.get("kind") != "cursor_expired", f"{name}: a cursor was refused: {line}"


def one_key_one_effect(e):
    replies = defaultdict(list)
    for _, line in e.lines("ack"):
        if key := key_of(line["params"]):
            replies[line["method"], key].append(line["result"])
    for (method, key), results in replies.items():
        yield all(each == results[0] for each in results), f"{method} {key} had different replies: {results}"
        if method in ("node.invoke", "message.route"):
            continue  # what is kept is which call or run it was
        row = e.idempotency.get((method, key))
        yield row and row["reply"] == results[0], f"{method} {key}: stored {row and row['reply']}, told {results[0]}"
    markers = Counter(run["input"]["text"].split("\n")[0] for run in e.begun_runs()
                      if run["input"].get("text", "").startswith("/say "))  # a trigger's runs are all alike
    for marker, count in markers.items():
        yield count == 1, f"{count} runs were made of {marker}"
    inputs = Counter((run_id, item["payload"]["text"]) for run_id in e.runs for item in e.items(run_id, "input"))
    for (run_id, text), count in inputs.items():
        yield count == 1, f"the input {text!r} came {count} times into {run_id}"
    yield from messages_are_one_run_each(e)


def key_of(params):
    """What makes two requests of one method the same: the caller's key, or the channel's message."""
    return params.get("idempotency_key") or ("message_id" in params and (params["channel"], params["message_id"]))


def messages_are_one_run_each(e):
    runs = defaultdict(list)
    for run in e.begun_runs():
        if origin := run["input"].get("origin"):
            runs[origin["channel"], origin["message_id"]].append(run["run_id"])
    for message, made in runs.items():
        kept = e.routed.get(message, {}).get("run_id")
        yield made == [kept], f"the message {message} became {made}, and kept for it is {kept}"
    for ack in e.acknowledged("message.route"):
        yield runs[key_of(ack["params"])] == [ack["result"]["run_id"]], f"{ack} became {runs[key_of(ack['params'])]}"


def decisions_are_made_once(e):
    told = defaultdict(set)
    for ack in e.acknowledged("approval.resolve"):
        told[ack["params"]["approval_id"]].add(ack["params"]["decision"])
    for approval_id, decisions in told.items():
        yield len(decisions) == 1, f"{approval_id} was decided as {decisions}"
    for approval_id, row in e.approvals.items():
        yield canonical.digest(row["subject"]) == row["subject_hash"], f"{approval_id}: subject_hash is not the subject's"
        if row["run_id"]:
            yield from one_decision_on_the_tape(e, approval_id, row)
    approved = {row["subject"]["arguments"]["key"] for row in e.approvals.values()
                if not row["run_id"] and row["decision"] == "approve"}
    for entry in e.ledger:
        if entry["operation"] == "guarded" and not entry["run_id"]:
            yield entry["argument"] in approved, f"a direct call that nobody approved: {entry}"


def one_decision_on_the_tape(e, approval_id, row):
    tape = [i for i in e.items(row["run_id"], "approval_decision") if i["payload"]["approval_id"] == approval_id]
    decided = row["decision"] is not None
    yield len(tape) == 1 if decided else len(tape) <= 1, f"{approval_id}: {len(tape)} decisions on its tape"
    yield not decided or tape and tape[0]["payload"].get("decision") == row["decision"], f"{approval_id}: tape {tape}"
    yield from what_ran_is_what_was_shown(e, row)


def what_ran_is_what_was_shown(e, approval):
    run_id, step_id = approval["run_id"], approval["subject"]["step_id"]
    calls = [i["payload"] for i in e.items(run_id, "tool_call") if i["payload"]["step_id"] == step_id]
    shown = approval["subject"]["arguments"]
    for call in calls:
        yield call["arguments"] == shown and call["tool"] == approval["subject"]["tool"], f"{run_id}: {call} was not shown"
    if approval["kind"] != "call":
        return
    yield approval["decision"] == "approve" or not calls, f"{run_id} {step_id} ran and was {approval['decision']}"
    sent = canonical.digest({name: value for name, value in shown.items() if name != "node"})
    for entry in e.ledger:
        if entry["run_id"] == run_id and entry["key"] in {call["idempotency_key"] for call in calls}:
            yield entry["arguments_hash"] == sent, f"{run_id} {step_id}: the node got other arguments than were shown"


def slots_fire_once(e):
    for trigger_id, trigger in e.triggers.items():
        firings = [row for row in e.firings if row["trigger_id"] == trigger_id]
        if trigger["kind"] != "hook":
            yield from no_slot_is_without_a_row(e, trigger, firings)
        yield from a_fired_slot_is_one_run(e, trigger, firings)
        told = [row["payload"]["slot"] for row in e.outbox
                if row["type"].startswith("trigger.") and row["payload"]["name"] == trigger["name"]]
        yield sorted(told) == sorted(row["slot"] for row in firings), (
            f"{trigger['name']}: events and rows differ in {Counter(told) - Counter(r['slot'] for r in firings)} and "
            f"{Counter(r['slot'] for r in firings) - Counter(told)}")
    fired = {row["slot"]: row["run_id"] for row in e.firings}
    for ack in e.acknowledged("hook"):
        yield fired.get(ack["params"]["nonce"]) == ack["result"]["run_id"], f"{ack} stands as {fired.get(ack['params']['nonce'])}"


def no_slot_is_without_a_row(e, trigger, firings):
    """Of triggers that fire every second, by cron, or as often as they say."""
    for before, row in zip(firings, firings[1:]):
        yield (row["due_at"] - before["due_at"] == (trigger["every_ms"] or 1000),
               f"{trigger['name']}: {row['slot']} follows {before['slot']}")
    for _, line in e.lines("slots", trigger=trigger["name"]):
        ends = [firings[at]["due_at"] for at in (0, -1)] if firings else None
        yield ends and ends[0] <= line["first"] and line["last"] <= ends[1], (
            f"{trigger['name']}: rows from and to {ends}, promised from {line['first']} to {line['last']}")


def a_fired_slot_is_one_run(e, trigger, firings):
    name = trigger["name"]
    for row in firings:
        yield (row["state"] == "fired") == bool(row["run_id"]), f"{name}: the slot {row['slot']} is {row}"
    if trigger["missed"] == "run_once" and firings:
        yield firings[-1]["state"] != "missed", f"{name}: the newest slot of an outage did not run: {firings[-1]}"
    fired = [row["run_id"] for row in firings if row["run_id"]]
    session = next((key for key, row in e.sessions.items() if row["session_key"] == f"trigger:{name}"), None)
    runs = [run_id for run_id, run in e.runs.items() if run["session_id"] == session]
    yield sorted(fired) == sorted(runs), (
        f"{name}: fired without a run {set(fired) - set(runs)}, runs without a slot "
        f"{set(runs) - set(fired)}, {len(fired) - len(set(fired))} twice")


def secrets_stay_inside(e):
    for number, secret in enumerate(e.secrets):
        data = secret.encode()
        shapes = [data, data.hex().encode(), base64.b64encode(data).rstrip(b"=")]
        for name, text in e.texts:
            yield not any(shape in text for shape in shapes), f"secret {number} stands in {name}"


def calls_are_decided_first(e):
    for run_id, tape in e.tapes.items():
        allowed, asked = set(), set()
        for item in tape:
            payload = item["payload"]
            step_id = payload.get("step_id")
            if item["kind"] == "policy_decision":
                (allowed if payload["effect"] == "allow" else asked if payload["effect"] == "ask" else set()).add(step_id)
            elif item["kind"] == "approval_decision" and payload.get("decision") == "approve" and step_id in asked:
                allowed.add(step_id)
            elif item["kind"] == "tool_call":
                yield step_id in allowed, f"{run_id} {step_id} ran without a decision for it (seq {item['seq']})"


RESIDENT_BYTES_MAX = 256 << 20
DESCRIPTORS_MAX = 512


def bounds_are_kept(e):
    for _, sample in e.lines("sample"):
        yield sample["resident_bytes"] <= RESIDENT_BYTES_MAX, f"instance {sample['instance']}: {sample['resident_bytes']} bytes"
        yield sample["descriptors"] <= DESCRIPTORS_MAX, f"instance {sample['instance']}: {sample['descriptors']} descriptors"


def tapes_explain_the_tables(e):
    for run_id, run in e.runs.items():
        steps = {step_id: step for (of, step_id), step in e.steps.items() if of == run_id}
        for difference in replay(e.tapes[run_id]).differences_from(run, steps):
            yield False, f"{run_id}: {difference}"
        yield True, run_id


INVARIANTS = [
    ("I1", "nothing acknowledged is lost", nothing_acknowledged_is_lost),
    ("I2", "every run comes to rest", every_run_comes_to_rest),
    ("I3", "one outcome a step", one_outcome_a_step),
    ("I4", "no effect is repeated", effects_are_not_repeated),
    ("I5", "who lost its lease writes nothing", who_lost_its_lease_writes_nothing),
    ("I6", "tapes are dense, unchanged, chained", tapes_are_whole),
    ("I7", "runs of a session take turns", runs_of_a_session_take_turns),
    ("I8", "subscribers miss nothing", subscribers_miss_nothing),
    ("I9", "one key, one effect, one reply", one_key_one_effect),
    ("I10", "decided once, run as shown", decisions_are_made_once),
    ("I11", "a slot fires once", slots_fire_once),
    ("I12", "secrets stay inside", secrets_stay_inside),
    ("I13", "no call without a decision", calls_are_decided_first),
    ("I14", "memory and files stay in bounds", bounds_are_kept),
    ("I15", "tapes explain the tables", tapes_explain_the_tables),
]


def check_all(evidence):
    """[(id, what it says, things looked at, violations)], in order."""
    results = []
    for name, says, check in INVARIANTS:
        looked_at, violations = 0, []
        for holds, sentence in check(evidence):
            looked_at += 1
            if not holds:
                violations.append(sentence)
        results.append((name, says, looked_at, violations))
    return results
