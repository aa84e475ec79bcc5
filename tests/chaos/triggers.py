"""Who sets triggers that fire by the clock, and who calls webhooks."""
import hashlib
import hmac
import json
import time

from clients import Client, http_post
from evidence import milliseconds, timestamp
from gateway import RpcError
from world import UNREACHABLE


class Clock(Client):
    """Triggers that fire each second until the load is over, and then until the last second of it has its row."""
    METHOD = "trigger.put"
    TRIGGERS = [{"name": "cron-skip", "kind": "cron", "cron": "* * * * * *", "missed": "skip"},
                {"name": "cron-run-once", "kind": "cron", "cron": "* * * * * *", "missed": "run_once"},
                {"name": "interval", "kind": "interval", "every_ms": 1000, "missed": "run_once"}]

    def work(self):
        firsts = [self.put(each, True)["next_fire_at"] for each in self.TRIGGERS]
        self.scene.load_over.wait()
        for each, first in zip(self.TRIGGERS, firsts):
            self.end(each, first, int(time.time() * 1000))

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

    def work(self):
        self.call("trigger.put", {"name": self.name, "kind": "hook", "secret": self.SECRET, "input": {"text": "called"}})
        super().work()

    def step(self):
        nonce = self.next_marker()
        body = json.dumps({"n": self.count}).encode()
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

    def may_pass(self, error):
        """A clock that stepped refuses the request's time until the store tells it the time again."""
        return super().may_pass(error) or error.data.get("kind") == "unauthenticated"

    def post(self, door, nonce, body):
        sent_at = str(int(time.time()))
        signature = hmac.new(self.SECRET.encode(), f"{sent_at}.{nonce}.".encode() + body, hashlib.sha256).hexdigest()
        return http_post(door, f"/hooks/{self.name}", body, {
            "X-Gatehouse-Signature": f"sha256={signature}", "X-Gatehouse-Timestamp": sent_at, "X-Gatehouse-Nonce": nonce,
            "Content-Type": "application/json"})
