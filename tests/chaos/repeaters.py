"""Who asks for one thing several times at once, under one key."""
import itertools
import threading

from clients import Client, post
from gateway import RpcError
from world import UNREACHABLE


class Repeater(Client):
    """Starts each run 2 to 16 times at once, at different instances."""
    METHOD = "run.start"
    TIMES = {2: 5, 3: 3, 5: 2, 16: 0.5}  # how many at once, and how often that
    PATIENCE_S = 8

    def params(self, marker):
        return {"session_key": self.conversation(self.random.randint(1, 3)), "idempotency_key": marker,
                "input": {"text": self.scene.script(self.random, marker)}}

    def step(self):
        params = self.params(self.next_marker())
        times = self.random.choices(list(self.TIMES), list(self.TIMES.values()))[0]
        askers = [threading.Thread(target=self.ask, args=(params, self.random.randrange(1000)), daemon=True)
                  for _ in range(times)]
        for each in askers:
            each.start()
        for each in askers:
            each.join()

    def ask(self, params, first_door):
        """At one instance after the other until there is an answer, also where the load is over meanwhile."""
        self.journal.note("intent", method=self.METHOD, params=params)
        for door in itertools.count(first_door):
            try:
                result = post(self.scene.doors[door % len(self.scene.doors)], self.METHOD, params, self.PATIENCE_S)
                if self.is_answer(result):
                    self.journal.note("ack", method=self.METHOD, params=params, result=result)
                    return self.answered(result)
            except RpcError as error:
                self.journal.note_refusal(self.METHOD, error, params=params)
                if not self.may_pass(error):
                    return None
            except UNREACHABLE:
                pass
            if self.scene.clients_over.wait(0.05):
                return None

    def is_answer(self, result):
        return True

    def answered(self, result):
        self.scene.announce(result["run_id"])


class Router(Repeater):
    """Hands over the messages of two channels, each more than once, as channels do. What the channels call their messages
    is the same, and they are different ones."""
    METHOD = "message.route"

    def params(self, marker):
        return {"channel": f"chaos-{self.count % 2}", "conversation": self.conversation(self.random.randint(1, 3)),
                "sender": self.name, "text": self.scene.script(self.random, marker),
                "message_id": f"{self.name}-{self.count // 2}"}


class Invoker(Repeater):
    """Calls nodes without a run, once or twice at once."""
    METHOD = "node.invoke"
    TIMES = {1: 2, 2: 1}
    PATIENCE_S = 25
    OPERATIONS = {"act": 4, "slow": 4, "look": 1, "guarded": 2, "forget": 1}

    def params(self, marker):
        operation = self.random.choices(list(self.OPERATIONS), list(self.OPERATIONS.values()))[0]
        return {"node": self.random.choice(self.scene.labels), "capability": "world", "operation": operation,
                "arguments": {"key": marker}, "timeout_ms": 20_000, "queue_ttl_ms": 20_000, "idempotency_key": marker}

    def may_pass(self, error):
        return error.data.get("kind") == "approval_required" or super().may_pass(error)

    def is_answer(self, result):
        return result["state"] == "succeeded"

    def answered(self, result):
        pass
