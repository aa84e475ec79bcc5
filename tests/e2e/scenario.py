"""The base of every scenario: a gateway of the class's own, with an admin on a WebSocket."""
import unittest

from gateway import Gateway, RpcError
from peer import Ledger, client, pair

import canonical


class Scenario(unittest.TestCase):
    """Tests of one class share a gateway; each uses session keys of its own."""
    config = None
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway(config=cls.config, arguments=cls.arguments).start()

    @classmethod
    def tearDownClass(cls):
        running = cls.gateway.is_running()
        log = cls.gateway.log()
        cls.gateway.stop()
        assert running, f"the gateway ended while it was tested:\n{log}"

    def setUp(self):
        self.admin = client(self.gateway)
        self.addCleanup(self.admin.close)

    # --- shorthand

    def assert_refused(self, code, call, *arguments, **named):
        """Calls and expects the RPC error `code`; returns the error."""
        with self.assertRaises(RpcError) as caught:
            call(*arguments, **named)
        self.assertEqual(code, caught.exception.code, caught.exception)
        return caught.exception

    def start_run(self, text, peer=None, **params):
        return (peer or self.admin).call("run.start", {"input": {"text": text}, **params})

    def wait_run(self, run_id, *states, peer=None, timeout_s=20):
        """Waits until the run stops working and expects it to be in one of the states (default: succeeded)."""
        states = states or ("succeeded",)
        run = (peer or self.admin).call("run.get", {"run_id": run_id, "wait_ms": timeout_s * 1000}, timeout=timeout_s + 10)
        self.assertIn(run["state"], states, run)
        return run

    def run_text(self, text, *states, **params):
        return self.wait_run(self.start_run(text, **params)["run_id"], *states)

    def tape_of(self, run_id, peer=None):
        """The whole tape, page by page, checked by the independent oracle."""
        items, after = [], 0
        while True:
            page = (peer or self.admin).call("run.tape", {"run_id": run_id, "after_seq": after, "limit": 50})
            items += page["items"]
            if "next" not in page:
                break
            after = page["next"]
        canonical.check_tape(items)
        return items

    def assert_verified(self, run_id):
        """The tape is gapless and hashes right by our count and by the gateway's, and ends where the run says."""
        items = self.tape_of(run_id)
        run = self.admin.call("run.get", {"run_id": run_id})
        self.assertEqual({"seq": items[-1]["seq"], "hash": items[-1]["hash"]}, run["tape_head"])
        self.assertEqual({"ok": True, "items": len(items)}, self.admin.call("run.verify", {"run_id": run_id}))
        return items

    def pair_node(self, **named):
        ledger = Ledger(self.gateway.directory)
        node, device = pair(self.gateway, self.admin, ledger, **named)
        self.addCleanup(node.close)
        return node, device

    def issue(self, scopes, **params):
        return self.admin.call("token.issue", {"kind": "client", "scopes": scopes, **params})["token"]

    def pending_approval(self, run_id):
        found = [a for a in self.admin.call("approval.list")["items"] if a.get("run_id") == run_id]
        self.assertEqual(1, len(found), found)
        return found[0]
