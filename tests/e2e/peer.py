"""Peers of the gateway: a client, and a node with an effect ledger."""
import base64
import contextlib
import hashlib
import itertools
import json
import os
import threading
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway import RpcError
from websocket import SUBPROTOCOL, Closed, WebSocket

PATIENCE_S = 20


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def base32(data):
    return base64.b32encode(data).decode().rstrip("=").lower()


class Device:
    """An Ed25519 key and the id that follows from it."""

    def __init__(self, label="test device"):
        self.key = Ed25519PrivateKey.generate()
        self.raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = "dev_" + base32(hashlib.sha256(self.raw).digest())
        self.label = label

    def member(self):
        return {"id": self.id, "public_key": base64url(self.raw), "label": self.label, "platform": "test", "version": "1"}

    def proof(self, gateway_id, role, nonce, token):
        lines = ["gatehouse-connect-v1", gateway_id, role, self.id, nonce, hashlib.sha256(token.encode()).hexdigest()]
        return base64url(self.key.sign("".join(line + "\n" for line in lines).encode()))


class Peer:
    """One WebSocket connection after its challenge. A thread reads; everything it gets is kept, in order."""

    def __init__(self, gateway, token="own", headers=(), bearer_subprotocol=False):
        self.token = gateway.token if token == "own" else token
        headers, subprotocols = list(headers), [SUBPROTOCOL]
        if bearer_subprotocol:
            subprotocols.append("gatehouse.bearer." + base64url(self.token.encode()))
        elif self.token is not None:
            headers.append(("Authorization", f"Bearer {self.token}"))
        self.socket = WebSocket(gateway.address, headers, subprotocols)
        self.challenge = json.loads(self.socket.receive_text())["params"]
        self.changed = threading.Condition()
        self.replies, self.notifications, self.requests = {}, [], []
        self.closed = None
        self.next_id = 0
        self.connected = None
        self.socket.socket.settimeout(None)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    # --- reading

    def _read(self):
        try:
            while True:
                message = json.loads(self.socket.receive_text())
                for each in message if isinstance(message, list) else [message]:
                    self._received(each)
        except Closed as closed:
            end = closed
        except (OSError, ValueError) as failure:
            end = Closed(None, str(failure))
        with self.changed:
            self.closed = end
            self.changed.notify_all()

    def _received(self, message):
        with self.changed:
            if "method" not in message:
                self.replies[json.dumps(message.get("id"))] = message
            elif "id" in message:
                self.requests.append(message)
            else:
                self.notifications.append(message)
            self.changed.notify_all()
        if "method" in message and "id" in message:
            self.answer(message)

    def answer(self, request):
        """Answers a request of the gateway; a plain client knows none."""
        self.send({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32601, "message": "method not found"}})

    def wait_until(self, predicate, what, timeout=PATIENCE_S):
        """Waits until `predicate()` is true and returns its value; it is asked again after each message."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                value = predicate()
                if value:
                    return value
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"waited {timeout} s for {what}; closed: {self.closed}; "
                                         f"last: {self.notifications[-3:]}")
                self.changed.wait(left)

    def wait_for(self, method, predicate=lambda params: True, timeout=PATIENCE_S):
        """The params of the first notification `method` that fits."""
        return self.wait_until(
            lambda: next((n["params"] for n in self.notifications
                          if n["method"] == method and predicate(n["params"])), None), method, timeout)

    def wait_for_close(self, timeout=PATIENCE_S):
        return self.wait_until(lambda: self.closed, "the close", timeout)

    # --- sending

    def send(self, message):
        self.socket.send_text(message if isinstance(message, (str, bytes)) else json.dumps(message))

    def begin(self, method, params=None):
        """Sends a request and returns its id."""
        self.next_id += 1
        self.send({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params or {}})
        return self.next_id

    def reply_to(self, request_id, timeout=PATIENCE_S):
        """The reply object to a request; raises Closed where the connection ended first."""
        key = json.dumps(request_id)
        self.wait_until(lambda: key in self.replies or self.closed, f"reply {request_id}", timeout)
        if key not in self.replies:
            raise self.closed
        return self.replies[key]

    def finish(self, request_id, timeout=PATIENCE_S):
        reply = self.reply_to(request_id, timeout)
        if "error" in reply:
            raise RpcError(reply["error"])
        return reply["result"]

    def call(self, method, params=None, timeout=PATIENCE_S):
        return self.finish(self.begin(method, params), timeout)

    def connect_params(self, role="client", device=None, capabilities=None):
        params = {"protocol": 1, "role": role}
        if device is not None:
            params["device"] = device.member()
            params["proof"] = device.proof(self.challenge["gateway_id"], role, self.challenge["nonce"], self.token)
        if capabilities is not None:
            params["capabilities"] = capabilities
        return params

    def connect(self, role="client", device=None, capabilities=None):
        self.connected = self.call("connect", self.connect_params(role, device, capabilities))
        return self

    def close(self):
        self.socket.close()
        self.reader.join(5)
        self.socket.abort()

    def abort(self):
        self.socket.abort()
        self.reader.join(5)

    # --- what tests ask for again and again

    def events(self):
        """All events received so far, in order."""
        with self.changed:
            return [event for n in self.notifications if n["method"] == "event" for event in n["params"]["events"]]

    def wait_for_event(self, event_type, predicate=lambda payload: True, timeout=PATIENCE_S):
        return self.wait_until(
            lambda: next((e for n in self.notifications if n["method"] == "event" for e in n["params"]["events"]
                          if e["type"] == event_type and predicate(e["payload"])), None), event_type, timeout)

    def tape_items(self, subscription_id):
        with self.changed:
            return [item for n in self.notifications
                    if n["method"] == "tape" and n["params"]["subscription_id"] == subscription_id
                    for item in n["params"]["items"]]


def client(gateway, token="own", device=None):
    return Peer(gateway, token).connect("client", device)


CAPABILITIES = [{
    "id": "test", "version": "1.0.0", "operations": [
        {"name": "look", "description": "Reads.", "risk": "read", "idempotent": True,
         "input_schema": {"type": "object", "properties": {"key": {"type": "string"}}}},
        {"name": "act", "description": "Changes the world once a call.", "risk": "dangerous", "idempotent": False,
         "input_schema": {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"],
                          "additionalProperties": False}},
        {"name": "hang", "description": "Answers when it is told to.", "risk": "read", "idempotent": True,
         "input_schema": {"type": "object"}},
        {"name": "fail", "description": "Fails.", "risk": "read", "idempotent": True, "input_schema": {"type": "object"}},
        {"name": "show", "description": "Brings evidence.", "risk": "read", "idempotent": True,
         "input_schema": {"type": "object"}},
    ]}]


class Ledger:
    """The outside world: one line for each effect, on disk before the effect counts as done."""

    def __init__(self, directory):
        self.path = Path(directory) / "ledger"
        self.path.touch()

    def append(self, entry):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def entries(self):
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]


class Node(Peer):
    """A scripted node that keeps the node's side of the contract: a key is recorded before the act, answers are kept.

    `memory` (started keys, kept answers, epochs) outlives a connection: hand it from one Node to the next.
    """

    def __init__(self, gateway, token, ledger, memory=None):
        self.ledger = ledger
        self.memory = memory if memory is not None else {"started": set(), "answers": {}, "epochs": {}}
        self.released = threading.Event()
        self.on_invoke = None
        super().__init__(gateway, token)

    def answer(self, request):
        handler = {"capability.invoke": self._invoke, "pairing.resolved": self._resolved,
                   "capability.cancel": self._cancelled}[request["method"]]
        threading.Thread(target=handler, args=(request,), daemon=True).start()

    def _resolved(self, request):
        if "token" in request["params"]:
            self.memory["token"] = request["params"]["token"]
        self._reply(request, {})

    def _cancelled(self, request):
        self.memory.setdefault("cancelled", []).append(request["params"]["invocation_id"])
        self._reply(request, {})

    def _reply(self, request, result=None, error=None):
        body = {"error": error} if error else {"result": result}
        self._tell({"jsonrpc": "2.0", "id": request["id"], **body})

    def _tell(self, message):
        """Sends where the connection still stands; what a dead one should have heard, a new one asks for."""
        with contextlib.suppress(OSError):
            self.send(message)

    def _invoke(self, request):
        params = request["params"]
        key, run = params["idempotency_key"], params.get("run_id")
        if self.on_invoke:
            self.on_invoke(params)
        epoch = params.get("lease_epoch", 0)
        if run and epoch < self.memory["epochs"].get(run, 0):
            return self._reply(request, error={"code": -32004, "message": "a stale lease", "data": {
                "kind": "wrong_state", "retryable": False}})
        if run:
            self.memory["epochs"][run] = epoch
        if key in self.memory["answers"]:
            return self._reply(request, self.memory["answers"][key])
        if key in self.memory["started"] and params["operation"] == "act":
            return self._reply(request, error={"code": -32015, "message": "started, outcome unknown", "data": {
                "kind": "capability_failed", "retryable": False, "details": {"outcome": "unknown"}}})
        self.memory["started"].add(key)
        return self._act(request, params, key)

    def _act(self, request, params, key):
        operation = params["operation"]
        if operation == "fail":
            return self._reply(request, error={"code": -32015, "message": "it is broken", "data": {
                "kind": "capability_failed", "retryable": False}})
        if operation == "hang":
            self._tell({"jsonrpc": "2.0", "method": "capability.progress", "params": {
                "invocation_id": params["invocation_id"], "fraction": 0.5, "message": "half way"}})
            self.released.wait(60)
        if operation == "act":
            self.ledger.append({"key": key, "argument": params["arguments"]["key"], "attempt": params["attempt"],
                                "epoch": params.get("lease_epoch")})
        answer = {"result": {"operation": operation, "arguments": params["arguments"]}}
        if operation == "show":
            answer["evidence"] = [{"name": "photo.bin", "media_type": "application/octet-stream",
                                   "data_base64": base64.b64encode(bytes(range(256))).decode()}]
        self.memory["answers"][key] = answer
        return self._reply(request, answer)


node_numbers = itertools.count(1)


def pair(gateway, admin, ledger, allow=("*",), capabilities=None, label=None, device=None):
    """Pairs a new device end to end and returns its Node, connected with its own token, and its Device."""
    label = label or f"node {next(node_numbers)}"  # labels are unique
    device = device or Device(label)
    capabilities = CAPABILITIES if capabilities is None else capabilities
    invite = admin.call("pairing.invite", {"label": label})["token"]
    waiting = Node(gateway, invite, ledger)
    waiting.connect("node", device, capabilities)
    pairing = waiting.connected["pairing"]
    assert pairing["state"] == "pending", pairing
    admin.call("pairing.approve", {"pairing_id": pairing["pairing_id"], "allow": list(allow), "label": label})
    resolved = waiting.wait_until(
        lambda: next((r["params"] for r in waiting.requests if r["method"] == "pairing.resolved"), None), "pairing.resolved")
    memory = {"started": set(), "answers": {}, "epochs": {}, "token": resolved["token"]}
    waiting.close()
    return reconnect(gateway, device, ledger, memory, capabilities), device


def reconnect(gateway, device, ledger, memory, capabilities=None):
    node = Node(gateway, memory["token"], ledger, memory)
    return node.connect("node", device, CAPABILITIES if capabilities is None else capabilities)
