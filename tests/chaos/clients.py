"""Client peers that write down what they know before they go on."""
import http.client
import json
import threading

import peer
from gateway import RpcError
from journal import Journal
from world import UNREACHABLE

# What a model is asked grows with its conversation, and with it the tapes: after so many steps a client begins others.
STEPS_OF_A_CONVERSATION = 100


class GaveUp(Exception):
    """The run is over and the call was never acknowledged: it may have happened or not."""


class JournaledPeer(peer.Peer):
    """A client's connection. Notifications go to `on_notification` as they come, in the reader's thread."""

    def __init__(self, door, on_notification=lambda message: None):
        self.on_notification = on_notification
        super().__init__(door)

    def _received(self, message):
        if "method" in message and "id" not in message:
            self.on_notification(message)
        else:
            super()._received(message)


def post(door, method, params, timeout=8):
    """One call over HTTP on a connection of its own."""
    return http_post(door, f"/rpc/{method}", json.dumps(params).encode(), {
        "Authorization": f"Bearer {door.token}", "Content-Type": "application/json"}, timeout)


def http_post(door, path, body, headers, timeout=8):
    connection = http.client.HTTPConnection(door.address, timeout=timeout)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
    except (http.client.HTTPException, ValueError) as failure:
        raise OSError(str(failure)) from failure
    finally:
        connection.close()
    if answer.status != 200:
        raise RpcError({"code": body["code"], "message": body.get("detail", ""), "data": body.get("data", {})})
    return body


class Client(threading.Thread):
    """One actor of the load: a thread with a journal, seeded choices, and a connection to whichever instance it likes."""
    METHOD = "ping"  # without it in the gateway there is no such actor

    def __init__(self, scene, name):
        super().__init__(name=name, daemon=True)
        self.scene = scene
        self.random = scene.random_of(name)
        self.journal = Journal(scene.directory / f"journal-{name}.jsonl")
        self.peer = None
        self.count = 0  # steps

    def run(self):
        try:
            self.work()
        except GaveUp:
            pass
        except RpcError as refusal:
            self.scene.stuck.append(f"{self.name} was refused for good, and was no load from then on: {refusal}")
        finally:
            self.leave()

    def work(self):
        while not self.scene.load_over.is_set():
            self.step()
            self.scene.load_over.wait(self.random.uniform(0.0, self.scene.pause_s))

    def step(self):
        raise NotImplementedError

    def next_marker(self):
        """A text that stands for the step which now begins, and for no other."""
        self.count += 1
        return f"{self.name}-{self.count}"

    def conversation(self, which):
        return f"{self.name}-{which}-{self.count // STEPS_OF_A_CONVERSATION}"

    def leave(self):
        if self.peer:
            self.peer.abort()
            self.peer = None

    def call(self, method, params, key=None):
        """Calls until it is acknowledged or refused for good, on one instance after the other, under one key."""
        if key:
            params = {**params, "idempotency_key": key}
        self.journal.note("intent", method=method, params=params)
        while True:
            try:
                if self.peer is None or self.peer.closed or self.random.random() < 0.05:
                    self.leave()
                    self.peer = JournaledPeer(self.scene.door(self.random)).connect()
                result = self.peer.call(method, params, timeout=8)
                self.journal.note("ack", method=method, params=params, result=result)
                return result
            except RpcError as error:
                self.refused(method, params, error)
            except UNREACHABLE:
                self.leave()
            self.pause()

    def refused(self, method, params, error):
        """Notes a refusal; raises it where another attempt would meet it again."""
        self.journal.note_refusal(method, error, params=params)
        if not self.may_pass(error):
            raise error

    def may_pass(self, error):
        return error.data.get("retryable") or error.data.get("kind") == "internal"

    def pause(self):
        if self.scene.clients_over.wait(self.random.uniform(0.01, 0.15)):
            raise GaveUp()
