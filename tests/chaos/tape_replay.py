"""A tape played back: what the tables must say if they say the same as the tape."""
import json


class Replay:
    """The state that follows from the items so far. Raises nothing: what can't be is noted."""

    def __init__(self):
        self.state = None
        self.turn = 0
        self.texts, self.outputs, self.calls = [], {}, {}
        self.proposed = []
        self.input_tokens = self.output_tokens = 0
        self.open_questions = []
        self.settled_texts = 0  # of turns that a fork from here keeps
        self.open_calls = set()
        self.undecided_calls = 0
        self.impossible = []

    def take(self, item):
        getattr(self, f"take_{item['kind']}", lambda payload: None)(item["payload"])

    def take_status_change(self, payload):
        if payload["from"] != self.state:
            self.impossible.append(f"the tape goes from {payload['from']} where the run is {self.state}")
        if self.state in ("succeeded", "failed", "cancelled"):
            self.impossible.append(f"the tape leaves {self.state} for {payload['to']}")
        self.state = payload["to"]

    def take_note(self, payload):
        """Behind its copy a fork begins anew where the model was last to be asked."""
        if "forked_from" in payload:
            self.state = "accepted"
            del self.texts[self.settled_texts:]
            self.open_questions, self.open_calls, self.undecided_calls = [], set(), 0

    def take_provider_request(self, payload):
        self.settled_texts = len(self.texts)

    def take_provider_response(self, payload):
        self.turn += 1
        if payload["step_id"] != f"turn_{self.turn}":
            self.impossible.append(f"{payload['step_id']} follows turn {self.turn - 1}")
        self.input_tokens += payload["usage"]["input_tokens"]
        self.output_tokens += payload["usage"]["output_tokens"]
        if payload["text"]:
            self.texts.append(payload["text"])
        self.open_calls, self.undecided_calls = set(), len(payload.get("tool_calls", []))

    def take_policy_decision(self, payload):
        self.proposed.append(payload["step_id"])
        if self.undecided_calls:
            self.undecided_calls -= 1
            self.open_calls.add(payload["step_id"])

    def take_approval_request(self, payload):
        self.open_questions.append(payload["approval_id"])

    def take_approval_decision(self, payload):
        if payload["approval_id"] in self.open_questions:
            self.open_questions.remove(payload["approval_id"])
        else:
            self.impossible.append(f"{payload['approval_id']} was decided and is not open")

    def take_tool_call(self, payload):
        self.calls[payload["step_id"]] = payload
        if payload["step_id"] in self.outputs:
            self.impossible.append(f"{payload['step_id']} was called after its outcome")

    def take_tool_output(self, payload):
        self.outputs[payload["step_id"]] = payload
        if payload["step_id"] in self.open_calls:
            self.open_calls.remove(payload["step_id"])
            if not self.open_calls and not self.undecided_calls:
                self.settled_texts = len(self.texts)

    # --- against the tables

    def differences_from(self, run, steps):
        """Sentences about where the run's row and its steps' rows say something else."""
        yield from self.impossible
        yield from self._of_run(run)
        if self.proposed != [f"step_{n}" for n in range(1, run["steps"] + 1)]:
            yield f"the row has {run['steps']} steps, the tape {self.proposed}"
        for step_id, step in steps.items():
            yield from self._of_step(step_id, step)

    def _of_run(self, run):
        said = "\n".join(self.texts) if self.texts else None
        for name, mine, theirs in [
                ("state", self.state, run["state"]), ("turn", self.turn, run["turn"]),
                ("input_tokens", self.input_tokens, run["input_tokens"]),
                ("output_tokens", self.output_tokens, run["output_tokens"]),
                ("output", said or "", run["output"] or "")]:
            if mine != theirs:
                yield f"{name} is {theirs!r} in the row and {mine!r} by the tape"
        if run["state"] == "waiting" and run["waiting_on"] not in self.open_questions:
            yield f"it waits for {run['waiting_on']}, and open on the tape are {self.open_questions}"
        if run["state"] != "waiting" and run["waiting_on"]:
            yield f"it is {run['state']} and waits for {run['waiting_on']}"

    def _of_step(self, step_id, step):
        output, call = self.outputs.get(step_id), self.calls.get(step_id)
        if output and (output["output"] != step["output"] or output["ok"] != bool(step["ok"])):
            yield f"{step_id}: the row has {json.dumps(step['output'])}, the tape {json.dumps(output['output'])}"
        if not output and step["state"] == "finished":
            yield f"{step_id} is finished and has no output on the tape"
        if step["state"] == "started" and not call:
            yield f"{step_id} is started and has no call on the tape"
        if call and call["arguments"] != step["arguments"]:
            yield f"{step_id}: the arguments of row and tape differ"
        if call and step["state"] in ("started", "finished") and call["idempotency_key"] != step["idempotency_key"]:
            yield f"{step_id}: the row has the key {step['idempotency_key']}, the tape {call['idempotency_key']}"


def replay(tape):
    played = Replay()
    for item in tape:
        played.take(item)
    return played
