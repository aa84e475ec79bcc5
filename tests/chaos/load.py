"""The seeded mixed load: who starts runs, repeats itself, cancels, decides, listens and follows."""
import contextlib
import hashlib
import hmac
import http.client
import json
import queue
import threading
import time

from clients import Client, GaveUp, JournaledPeer, http_post, post
from evidence import matches, milliseconds, timestamp
from gateway import RpcError
from world import UNREACHABLE

SESSIONS = [("queue", 3), ("steer", 1), ("interrupt", 1)]  # mode, how many a starter has
# What a model is asked grows with its conversation, and with it the tapes: after so many runs a client begins others.
RUNS_OF_A_CONVERSATION = 100


class Starter(Client):
    """Starts runs in sessions of its own and does to them what people do."""

    def __init__(self, scene, name):
        super().__init__(scene, name)
        self.count = 0
        self.recent = []  # runs to fork, forks among them
        self.sessions = []

    def begin_conversations(self):
        self.sessions = []
        for mode, many in SESSIONS:
            for n in range(many):
                session = f"{self.name}-{mode}-{n}-from-{self.count}"
                self.call("session.resolve", {"session_key": session, "mode": mode}, key=f"make-{session}")
                self.sessions.append(session)

    def step(self):
        if self.count % RUNS_OF_A_CONVERSATION == 0:
            self.begin_conversations()
        self.count += 1
        marker = f"{self.name}-{self.count}"
        params = {"session_key": self.random.choice(self.sessions),
                  "input": {"text": self.scene.script(self.random, marker)}}
        if self.random.random() < 0.04:
            params["deadline_ms"] = self.random.randint(50, 1500)
        started = self.call("run.start", params, key=marker)
        self.scene.announce(started["run_id"])
        self.recent = [*self.recent[-19:], started["run_id"]]
        what = self.random.choices([self.look, self.cancel, self.add_input, self.fork, lambda run_id: None], [5, 1, 1.5, 1, 3])[0]
        with contextlib.suppress(RpcError):  # it may have ended meanwhile
            what(started["run_id"])

    def look(self, run_id):
        self.call("run.get", {"run_id": run_id, "wait_ms": self.random.randint(0, 1500)})

    def cancel(self, run_id):
        self.call("run.cancel", {"run_id": run_id, "reason": "chaos"}, key=f"cancel-{run_id}")

    def add_input(self, run_id):
        self.call("run.input", {"run_id": run_id, "text": f"/say and {run_id}"}, key=f"input-{run_id}")

    def fork(self, run_id):
        """One of the last runs, from anywhere on its tape as it stands by now."""
        source = self.random.choice(self.recent)
        head = self.call("run.get", {"run_id": source})["tape_head"]["seq"]
        params = {"run_id": source, "at_seq": self.random.randint(1, head)}
        forked = self.call("run.fork", params, key=f"fork-{self.name}-{self.count}")
        self.recent.append(forked["run_id"])
        self.scene.announce(forked["run_id"])


class Writer(Client):
    """One short run after the other."""

    def __init__(self, scene, name):
        super().__init__(scene, name)
        self.count = 0

    def step(self):
        self.count += 1
        marker = f"{self.name}-{self.count}"
        session = f"{self.name}-{self.count % 4}-{self.count // RUNS_OF_A_CONVERSATION}"
        self.call("run.start", {"session_key": session, "input": {"text": f"/say {marker}"}}, key=marker)


class Repeater(Client):
    """Asks for the same thing 2 to 16 times at once, at different instances, under one key."""
    METHOD = "run.start"

    def __init__(self, scene, name):
        super().__init__(scene, name)
        self.count = 0

    def params(self, marker):
        session = f"{self.name}-{self.random.randint(1, 3)}-{self.count // RUNS_OF_A_CONVERSATION}"
        return {"session_key": session, "idempotency_key": marker,
                "input": {"text": self.scene.script(self.random, marker)}}

    def step(self):
        self.count += 1
        params = self.params(f"{self.name}-{self.count}")
        times = self.random.choices([2, 3, 5, 16], [5, 3, 2, 0.5])[0]
        doors = [[self.random.random() for _ in range(50)] for _ in range(times)]
        askers = [threading.Thread(target=self.ask, args=(params, choices), daemon=True) for choices in doors]
        for each in askers:
            each.start()
        for each in askers:
            each.join()

    def ask(self, params, choices):
        self.journal.note("intent", method=self.METHOD, params=params)
        for attempt in range(100_000):
            try:
                door = self.scene.doors[int(choices[attempt % len(choices)] * len(self.scene.doors))]
                result = post(door, self.METHOD, params)
                self.journal.note("ack", method=self.METHOD, params=params, result=result)
                return self.scene.announce(result["run_id"])
            except RpcError as error:
                self.refused(self.METHOD, params, error)
            except UNREACHABLE:
                pass
            if self.scene.clients_over.wait(0.05):
                return None
        return None


class Router(Repeater):
    """Hands over the messages of two channels, each more than once, as channels do. What the channels call their messages
    is the same, and they are different ones."""
    METHOD = "message.route"

    def params(self, marker):
        channel, number = self.count % 2, self.count // 2
        conversation = f"{self.name}-{self.random.randint(1, 3)}-{number // RUNS_OF_A_CONVERSATION}"
        return {"channel": f"chaos-{channel}", "conversation": conversation, "sender": self.name,
                "text": self.scene.script(self.random, marker), "message_id": f"{self.name}-{number}"}


class Clock(Client):
    """Triggers that fire each second until the load is over, and then until the last second of it has its row."""
    METHOD = "trigger.put"
    TRIGGERS = [{"name": "cron-skip", "kind": "cron", "cron": "* * * * * *", "missed": "skip"},
                {"name": "cron-run-once", "kind": "cron", "cron": "* * * * * *", "missed": "run_once"},
                {"name": "interval", "kind": "interval", "every_ms": 1000, "missed": "run_once"}]

    def run(self):
        with contextlib.suppress(GaveUp):
            firsts = [self.put(each, True)["next_fire_at"] for each in self.TRIGGERS]
            self.scene.load_over.wait()
            for each, first in zip(self.TRIGGERS, firsts):
                self.end(each, first, int(time.time() * 1000))
        self.leave()

    def put(self, trigger, enabled):
        return self.call("trigger.put", {**trigger, "input": {"text": "tick"}, "enabled": enabled})

    def end(self, trigger, first, last_ms):
        newest = ""
        while newest < timestamp(last_ms):
            self.scene.waiting.wait(0.2)
            items = self.call("trigger.firings", {"name": trigger["name"], "limit": 1})["items"]
            newest = items[0]["slot"] if items else ""
        self.put(trigger, False)
        self.journal.note("slots", trigger=trigger["name"], first=milliseconds(first), last=last_ms)


class Caller(Client):
    """Calls a webhook, and again with the same nonce at another instance until there is an answer."""
    METHOD = "trigger.put"
    SECRET = "what the webhooks are signed with"

    def run(self):
        with contextlib.suppress(GaveUp):
            self.call("trigger.put", {"name": self.name, "kind": "hook", "secret": self.SECRET, "input": {"text": "called"}})
            self.count = 0
            super().run()

    def step(self):
        self.count += 1
        nonce, body = f"{self.name}-{self.count}", json.dumps({"n": self.count}).encode()
        answers_wanted = self.random.choice([1, 1, 2])
        while answers_wanted:
            try:
                result = self.post(self.scene.door(self.random), nonce, body)
                self.journal.note("ack", method="hook", params={"hook": self.name, "nonce": nonce}, result=result)
                answers_wanted -= 1
            except RpcError as error:
                self.refused("hook", {"nonce": nonce}, error)
                self.pause()
            except UNREACHABLE:
                self.pause()
        self.scene.load_over.wait(self.random.uniform(0, 1))

    def post(self, door, nonce, body):
        sent_at = str(int(time.time()))
        signature = hmac.new(self.SECRET.encode(), f"{sent_at}.{nonce}.".encode() + body, hashlib.sha256).hexdigest()
        return http_post(door, f"/hooks/{self.name}", body, {
            "X-Gatehouse-Signature": f"sha256={signature}", "X-Gatehouse-Timestamp": sent_at, "X-Gatehouse-Nonce": nonce,
            "Content-Type": "application/json"})


class Invoker(Client):
    """Calls nodes without a run, once or twice at once at different instances, under one key until there is an answer."""

    def __init__(self, scene, name):
        super().__init__(scene, name)
        self.count = 0

    def step(self):
        self.count += 1
        marker = f"{self.name}-{self.count}"
        operation = self.random.choices(["act", "slow", "look", "guarded", "forget"], [4, 4, 1, 2, 1])[0]
        params = {"node": self.random.choice(self.scene.labels), "capability": "world", "operation": operation,
                  "arguments": {"key": marker}, "timeout_ms": 20_000, "queue_ttl_ms": 20_000, "idempotency_key": marker}
        askers = [threading.Thread(target=self.ask, args=(params, self.random.random()), daemon=True)
                  for _ in range(self.random.choice([1, 1, 2]))]
        for each in askers:
            each.start()
        for each in askers:
            each.join()

    def ask(self, params, choice):
        self.journal.note("intent", method="node.invoke", params=params)
        for attempt in range(100_000):
            try:
                door = self.scene.doors[(int(choice * 1000) + attempt) % len(self.scene.doors)]
                result = post(door, "node.invoke", params, timeout=25)
                if result["state"] == "succeeded":
                    return self.journal.note("ack", method="node.invoke", params=params, result=result)
            except RpcError as error:
                self.journal.note_refusal("node.invoke", error, params=params)
                if error.data.get("kind") not in ("approval_required", "unavailable", "busy", "internal"):
                    return None
            except UNREACHABLE:
                pass
            if self.scene.clients_over.wait(0.1):
                return None
        return None


class Decider(Client):
    """Answers what is asked of people, as it comes; two of them answer the same questions at once."""

    def run(self):
        with contextlib.suppress(GaveUp):
            while not self.scene.clients_over.is_set():
                self.step()
                self.scene.clients_over.wait(self.random.uniform(0.05, 0.4))
        self.leave()

    def step(self):
        for each in self.call("approval.list", {"limit": 20})["items"]:
            choices = ["approve", "approve", "deny"] if each["kind"] == "call" else ["retry", "retry", "skip", "fail"]
            params = {"approval_id": each["approval_id"], "decision": self.random.choice(choices)}
            if self.random.random() < 0.5:
                params["subject_hash"] = each["subject_hash"]
            with contextlib.suppress(RpcError):  # somebody was faster
                self.call("approval.resolve", params)


class Crowd(Decider):
    """A hundred answers to each question, all on their way before the first is there."""

    CONNECTIONS, ANSWERS = 10, 10

    def step(self):
        for each in self.call("approval.list", {"limit": 3})["items"]:
            peers = []
            try:
                for _ in range(self.CONNECTIONS):
                    peers.append(JournaledPeer(self.scene.door(self.random)).connect())
                self.decide(each, peers)
            except UNREACHABLE:
                pass
            finally:
                for one in peers:
                    one.abort()

    def decide(self, approval, peers):
        choices = ["approve", "deny"] if approval["kind"] == "call" else ["retry", "skip", "fail"]
        asked = []
        for _ in range(self.ANSWERS):
            for one in peers:
                params = {"approval_id": approval["approval_id"], "decision": self.random.choice(choices)}
                asked.append((one, params, one.begin("approval.resolve", params)))
        for one, params, request in asked:
            try:
                result = one.finish(request, timeout=8)
                self.journal.note("ack", method="approval.resolve", params=params, result=result)
            except RpcError as error:
                self.journal.note_refusal("approval.resolve", error, params=params)
            except UNREACHABLE:
                pass  # that one never learns what became of its answer


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
