"""The world outside the gateway: nodes that do real effects, once for each key, and write them into the ledger."""
import threading
import time

import peer
from canonical import digest
from gateway import RpcError
from websocket import Closed, Refused

UNREACHABLE = (Closed, Refused, OSError, AssertionError)  # AssertionError: it did not answer in time


def operation(name, risk, **named):
    return {"name": name, "description": f"{name}, for tests.", "risk": risk, "idempotent": risk == "read",
            "input_schema": {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"],
                             "additionalProperties": False}, **named}


# look: reads. act: has its effect at once. slow: takes a while for it. guarded: a person is asked first. banned: policy
# denies it. forget: now and then the node dies in the middle and does not know afterwards whether it had its effect.
CAPABILITIES = [{"id": "world", "version": "1.0.0", "operations": [
    operation("look", "read"), operation("act", "dangerous"), operation("slow", "write"),
    operation("guarded", "dangerous"), operation("banned", "dangerous"), operation("forget", "dangerous")]}]

POLICY = [{"effect": "ask", "tool": "node__world__guarded"}, {"effect": "deny", "tool": "node__world__banned"},
          {"effect": "allow", "tool": "node__world__*"}]


class Memory:
    """What a node keeps when its connection or its process dies: keys it started, answers, epochs it has seen."""

    def __init__(self, device, token):
        self.device, self.token = device, token
        self.lock = threading.Lock()
        self.started, self.answers, self.epochs = set(), {}, {}
        self.at_work = {}  # key -> the event that its answer sets
        self.refused_epochs = 0


class WorldNode(peer.Node):
    """One connection of a node."""

    def __init__(self, door, memory, ledger, random, over):
        self.kept, self.random, self.over = memory, random, over
        super().__init__(door, memory.token, ledger)

    def answer(self, request):
        if request["method"] == "capability.invoke":
            threading.Thread(target=self._invoke, args=(request,), daemon=True).start()
        else:
            self._reply(request, {})

    def _invoke(self, request):
        params = request["params"]
        key, kept = params["idempotency_key"], self.kept
        with kept.lock:
            if self._is_stale(params):
                kept.refused_epochs += 1
                return self._fail(request, -32004, "wrong_state", "a stale lease")
            working = kept.at_work.get(key)
            is_new = key not in kept.started
            if is_new:
                kept.started.add(key)
                working = kept.at_work[key] = threading.Event()
        if is_new:
            self._act(params, key)
            with kept.lock:
                kept.at_work.pop(key).set()
        elif working:
            working.wait(30)
        if key in kept.answers:
            return self._reply(request, kept.answers[key])
        if is_new:
            return self.abort()  # it died with the call
        return self._fail(request, -32015, "capability_failed", "started, outcome unknown", {"outcome": "unknown"})

    def _is_stale(self, params):
        run_id, epoch = params.get("run_id"), params.get("lease_epoch", 0)
        newest = self.kept.epochs.get(run_id, 0)
        self.kept.epochs[run_id] = max(newest, epoch)
        return epoch < newest

    def _fail(self, request, code, kind, message, details=None):
        data = {"kind": kind, "retryable": False, **({"details": details} if details else {})}
        self._reply(request, error={"code": code, "message": message, "data": data})

    def _act(self, params, key):
        name = params["operation"]
        dies = name == "forget" and self.random.random() < 0.4
        if name in ("slow", "forget"):
            self.over.wait(self.random.uniform(0.05, 0.5))
        if name != "look" and not (dies and self.random.random() < 0.5):
            self.ledger.append({
                "key": key, "argument": params["arguments"].get("key"), "arguments_hash": digest(params["arguments"]),
                "operation": name, "attempt": params["attempt"], "epoch": params.get("lease_epoch"),
                "run_id": params.get("run_id"), "device_id": self.kept.device.id, "at_ms": int(time.time() * 1000)})
        if not dies:
            self.kept.answers[key] = {"result": {"done": params["arguments"].get("key")}}


class NodeKeeper(threading.Thread):
    """Keeps one node connected, now to this instance and now to that one."""

    def __init__(self, scene, name, memory):
        super().__init__(name=name, daemon=True)
        self.scene, self.memory = scene, memory
        self.random = scene.random_of(name)
        self.connections = 0

    def run(self):
        while not self.scene.nodes_over.is_set():
            try:
                self._stay_connected()
            except (RpcError, *UNREACHABLE):
                self.scene.nodes_over.wait(self.random.uniform(0.02, 0.2))

    def _stay_connected(self):
        node = WorldNode(self.scene.door(self.random), self.memory, self.scene.ledger, self.random,
                         self.scene.nodes_over)
        try:
            node.connect("node", self.memory.device, CAPABILITIES)
            self.connections += 1
            # Also a node that nobody disturbs moves on at some time.
            until = time.monotonic() + self.random.uniform(2, 12)
            with node.changed:
                while not node.closed and time.monotonic() < until and not self.scene.nodes_over.is_set():
                    node.changed.wait(0.2)
        finally:
            node.abort()


def pair_nodes(gateway, admin, ledger, labels):
    """Pairs one device for each label and returns their memories."""
    memories = []
    for label in labels:
        node, device = peer.pair(gateway, admin, ledger, capabilities=CAPABILITIES, label=label)
        node.close()
        memories.append(Memory(device, node.memory["token"]))
    return memories
