"""A secret that the gateway knows is nowhere: not in its files, its tapes, its logs, its answers (S15)."""
import base64
import unittest
import urllib.parse

from gateway import Gateway, Settings
from peer import Ledger, client, pair

CANARY = "sk-canary/0123456789+abcdef"
CONFIG = """
log_level = "debug"
[models.hosted]
base_url = "http://127.0.0.1:9/v1"
model = "none"
api_key_env = "CANARY_KEY"
"""


def forms(secret):
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield urllib.parse.quote(secret, safe="").encode()
    for before in range(3):  # the digits that don't depend on the neighbours
        digits = base64.b64encode(b"\0" * before + raw)[(before * 8 + 5) // 6:(before + len(raw)) * 8 // 6]
        yield digits
        yield digits.replace(b"+", b"-").replace(b"/", b"_")


class SecretsTest(unittest.TestCase):
    def setUp(self):
        self.gateway = Gateway(config=CONFIG, environment={"CANARY_KEY": CANARY}).start()
        self.addCleanup(self.gateway.stop)
        self.peer = client(self.gateway)
        self.addCleanup(self.peer.close)
        self.node, self.device = pair(self.gateway, self.peer, Ledger(self.gateway.directory))
        self.addCleanup(self.node.close)

    def leak(self, params):
        """The node's answer: the secret in every form, in a result and in evidence."""
        said = [form.decode() for form in forms(CANARY)]
        self.node.memory["answers"][params["idempotency_key"]] = {
            "result": {"environment": said, "text": f"KEY={CANARY}"},
            "evidence": [{"name": "environment", "media_type": "text/plain",
                          "data_base64": base64.b64encode(f"the key is {CANARY}".encode()).decode()}]}

    def is_clean(self, what, data):
        for form in forms(CANARY):
            self.assertFalse(form in data, f"{what} holds the secret as {form}")

    def test_a_canary_is_nowhere(self):
        self.node.on_invoke = self.leak
        self.peer.call("events.subscribe", {"topics": ["*"]})
        run = self.peer.call("run.start", {"input": {"text": f"{CANARY} is mine\n/call node__test__look {{}}"}})["run_id"]
        ended = self.peer.call("run.get", {"run_id": run, "wait_ms": 20000})
        self.assertEqual("succeeded", ended["state"], ended)
        direct = self.peer.call("node.invoke", {"node": self.device.id, "capability": "test", "operation": "look",
                                                "arguments": {}})
        self.assertIn("[secret]", direct["result"]["text"])
        evidence = self.gateway.request("GET", f"/v1/artifacts/{direct['evidence'][0]['artifact_id']}")
        self.assertEqual(b"the key is [secret]", evidence.body)
        failed = self.peer.call("agent.put", {"name": "hosted", "model": "hosted"})
        shown = [ended, direct, failed, self.peer.call("run.tape", {"run_id": run}),
                 self.peer.call("session.history", {"session_id": ended["session_id"]}), self.peer.notifications]
        self.is_clean("an answer", repr(shown).encode())
        self.is_clean("the log", self.gateway.log_path.read_bytes())
        self.gateway.kill()
        if Settings.store == "sqlite":
            for path in self.gateway.directory.rglob("*"):
                if path.is_file() and path.name != "gatehouse.toml":
                    self.is_clean(path.name, path.read_bytes())


if __name__ == "__main__":
    unittest.main()
