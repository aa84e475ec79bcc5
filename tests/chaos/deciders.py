"""Who answers what the gateway asks of people."""
import contextlib

from clients import Client, JournaledPeer
from gateway import RpcError
from world import UNREACHABLE


class Decider(Client):
    """Answers what is asked of people, as it comes; two of them answer the same questions at once."""

    def work(self):
        while not self.scene.clients_over.is_set():
            self.step()
            self.scene.clients_over.wait(self.random.uniform(0.05, 0.4))

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
