"""Who reads what the gateway tells: events over WebSocket and as server-sent events, and tapes."""
import http.client
import json
import queue
import threading
import time

from clients import Client, JournaledPeer
from evidence import matches
from gateway import RpcError
from world import UNREACHABLE


class EventReader(Client):
    """Subscribes to topics and goes on from its cursor on another instance again and again."""

    def __init__(self, scene, name, topics):
        super().__init__(scene, name)
        self.topics = topics
        self.cursor = None
        self.seen = set()
        self.subscriptions = 0

    def begin(self):
        """The first subscription, which says from where on this reader must miss nothing."""
        self.subscribe()
        self.start()

    def run(self):
        while not self.scene.readers_over.is_set():
            try:
                if self.peer is None:
                    self.subscribe()
                self.listen(self.random.uniform(0.3, 5))
            except RpcError as error:
                self.journal.note_refusal("events.subscribe", error, after=self.cursor)
                self.scene.readers_over.wait(0.2)
            except UNREACHABLE:
                self.scene.readers_over.wait(0.05)
            finally:
                self.leave()

    def missing(self, rows):
        """How many of these events are still to come."""
        return sum(row["event_id"] not in self.seen for row in rows if matches(self.topics, row))

    def subscribe(self):
        self.subscriptions += 1
        number = self.subscriptions
        self.peer = JournaledPeer(self.scene.door(self.random), lambda message: self.take(number, message)).connect()
        after = {"after": self.cursor} if self.cursor else {}
        self.journal.note("subscribe", number=number, topics=self.topics, after=self.cursor)
        cursor = self.peer.call("events.subscribe", {"topics": self.topics, **after}, timeout=8)["cursor"]
        self.cursor = self.cursor or cursor

    def take(self, number, message):
        if message["method"] != "event":
            return
        params = message["params"]
        stored = [each for each in params["events"] if not each.get("ephemeral")]
        if stored:
            self.journal.note("events", number=number, cursor=params["cursor"], events=stored)
        self.cursor = params["cursor"]
        self.seen.update(each["event_id"] for each in stored)

    def listen(self, seconds):
        """Reads until the connection ends or this reader moves on."""
        with self.peer.changed:
            self.peer.changed.wait_for(lambda: self.peer.closed or self.scene.readers_over.is_set(), seconds)


class SseReader(EventReader):
    """The same over server-sent events, resumed by Last-Event-ID."""

    def begin(self):
        """A stream tells no cursor before its first event, so the first one is that of the handshake."""
        peer = JournaledPeer(self.scene.door(self.random)).connect()
        self.cursor = peer.connected["cursor"]
        peer.abort()
        super().begin()

    def subscribe(self):
        self.subscriptions += 1
        door = self.scene.door(self.random)
        connection = http.client.HTTPConnection(door.address, timeout=8)
        self.journal.note("subscribe", number=self.subscriptions, topics=self.topics, after=self.cursor)
        after = {"Last-Event-ID": self.cursor} if self.cursor else {}
        try:
            connection.request("GET", f"/events?topics={','.join(self.topics)}",
                               headers={"Authorization": f"Bearer {door.token}", **after})
            answer = connection.getresponse()
            if answer.status != 200:
                problem = json.loads(answer.read())
                raise RpcError({"code": problem["code"], "message": problem.get("detail", ""),
                                "data": problem.get("data", {})})
        except (http.client.HTTPException, ValueError) as failure:
            connection.close()
            raise OSError(str(failure)) from failure
        self.peer = Stream(connection, answer)

    def listen(self, seconds):
        until, event = time.monotonic() + seconds, {}
        while time.monotonic() < until and not self.scene.readers_over.is_set():
            line = self.peer.line()
            if line is None:
                return
            name, _, value = line.partition(": ")
            if line:
                event[name] = value
            elif event:
                self.take_one(event)
                event = {}

    def take_one(self, event):
        data = json.loads(event["data"]) if "data" in event else None
        if data and not data.get("ephemeral"):
            self.journal.note("events", number=self.subscriptions, cursor=event["id"], events=[data])
            self.seen.add(data["event_id"])
        self.cursor = event.get("id", self.cursor)


class Stream:
    """An answer that is read line by line while it comes, and given up where nothing comes for a second."""

    def __init__(self, connection, answer):
        self.connection, self.answer = connection, answer
        connection.sock.settimeout(1)

    def line(self):
        """The next line; None at the end."""
        try:
            line = self.answer.readline()
        except (http.client.HTTPException, OSError):
            return None
        return line.decode().rstrip("\n") if line.endswith(b"\n") else None

    def abort(self):
        self.connection.close()


class TapeReader(Client):
    """Follows tapes live, each to its end, over as many connections as that takes."""

    def __init__(self, scene, name):
        super().__init__(scene, name)
        self.wanted = queue.SimpleQueue()
        self.last, self.ended = 0, threading.Event()
        self.ended.set()  # nobody is followed yet

    def run(self):
        while not self.scene.readers_over.is_set():
            try:
                run_id = self.wanted.get(timeout=0.2)
            except queue.Empty:
                continue
            self.follow(run_id)
        self.leave()

    def follow(self, run_id):
        self.last, self.ended = 0, threading.Event()
        number = 0
        while not self.ended.is_set() and not self.scene.readers_over.is_set():
            number += 1
            ended = self.ended
            try:
                self.leave()
                self.peer = JournaledPeer(
                    self.scene.door(self.random), lambda message, n=number, e=ended: self.take(n, e, message)).connect()
                self.journal.note("follow", run_id=run_id, number=number, after_seq=self.last)
                self.peer.call("run.subscribe", {"run_id": run_id, "after_seq": self.last}, timeout=8)
                ended.wait(self.random.uniform(0.2, 3))
            except RpcError as error:
                self.journal.note_refusal("run.subscribe", error, run_id=run_id)
                self.scene.readers_over.wait(0.1)
            except UNREACHABLE:
                self.scene.readers_over.wait(0.05)

    def take(self, number, ended, message):
        params = message["params"]
        if message["method"] == "tape":
            self.journal.note("tape", run_id=params["run_id"], number=number, items=params["items"])
            self.last = params["items"][-1]["seq"]
        elif message["method"] == "tape.end":
            self.journal.note("tape.end", run_id=params["run_id"], number=number, state=params["state"], last=self.last)
            ended.set()
