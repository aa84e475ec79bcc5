"""Who begins runs, and does to them what people do."""
import contextlib

from clients import STEPS_OF_A_CONVERSATION, Client
from gateway import RpcError

SESSIONS = [("queue", 3), ("steer", 1), ("interrupt", 1)]  # mode, how many a starter has


class Starter(Client):
    """Starts runs in sessions of its own and does to them what people do."""

    def __init__(self, scene, name):
        super().__init__(scene, name)
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
        if self.count % STEPS_OF_A_CONVERSATION == 0:
            self.begin_conversations()
        marker = self.next_marker()
        params = {"session_key": self.random.choice(self.sessions),
                  "input": {"text": self.scene.script(self.random, marker)}}
        if self.random.random() < 0.04:
            params["deadline_ms"] = self.random.randint(50, 1500)
        started = self.call("run.start", params, key=marker)
        self.scene.announce(started["run_id"])
        self.recent = [*self.recent[-19:], started["run_id"]]
        deeds = [self.look, self.cancel, self.add_input, self.fork, self.let_be]
        deed = self.random.choices(deeds, [5, 1, 1.5, 1, 3])[0]
        with contextlib.suppress(RpcError):  # it may have ended meanwhile
            deed(started["run_id"])

    def let_be(self, run_id):
        pass

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

    def step(self):
        marker = self.next_marker()
        self.call("run.start", {"session_key": self.conversation(self.count % 4), "input": {"text": f"/say {marker}"}},
                  key=marker)
