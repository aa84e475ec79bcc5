"""Forks of runs (protocol.md 6, run.fork)."""
import unittest

from peer import client
from scenario import Scenario

ACT = "node__test__act"
LOOK = "node__test__look"


class ForkTest(Scenario):
    counter = iter(range(1_000_000))

    def setUp(self):
        super().setUp()
        self.key = f"key-{next(self.counter)}"

    def fork(self, run_id, at_seq, peer=None, **params):
        return (peer or self.admin).call("run.fork", {"run_id": run_id, "at_seq": at_seq, **params})

    def assert_copied(self, fork, source_items, at_seq):
        """The fork's tape is the source's up to at_seq, then the note; both chains hold."""
        items = self.assert_verified(fork["run_id"])
        self.assertEqual(source_items[:at_seq], items[:at_seq])
        self.assertEqual("note", items[at_seq]["kind"])
        self.assertEqual(source_items[0]["hash"], items[0]["hash"])
        return items

    def with_node(self):
        self.admin.call("policy.put", {"rules": []})
        node, device = self.pair_node()
        self.addCleanup(lambda: self.admin.call("node.revoke", {"node": device.id}))
        return node

    def test_a_finished_run_forks_at_every_item_and_each_fork_finishes(self):
        self.with_node()
        text = f'/say begin\n/call {LOOK} {{"key":"{self.key}"}}\n/call {LOOK} {{"key":"{self.key} b"}}\n/say end'
        source = self.start_run(text, session_key=self.key)
        whole = self.wait_run(source["run_id"])["output"]["text"]
        items = self.assert_verified(source["run_id"])
        for n, item in enumerate(items, 1):
            with self.subTest(seq=item["seq"], kind=item["kind"]):
                fork = self.fork(source["run_id"], item["seq"])
                self.assertEqual("accepted", fork["state"])
                done = self.wait_run(fork["run_id"])
                self.assertEqual(whole, done["output"]["text"])
                self.assert_copied(fork, items, item["seq"])
                session = self.admin.call("session.get", {"session_id": fork["session_id"]})
                self.assertEqual(f"{self.key}~fork-{n}", session["session_key"])
        self.assertEqual(items, self.assert_verified(source["run_id"]))

    def test_a_waiting_run_forks_into_one_with_a_question_of_its_own(self):
        node = self.with_node()
        source = self.start_run(f'/call {ACT} {{"key":"{self.key}"}}')
        waiting = self.wait_run(source["run_id"], "waiting")
        fork = self.fork(source["run_id"], waiting["tape_head"]["seq"])
        self.wait_run(fork["run_id"], "waiting")
        self.assert_copied(fork, self.tape_of(source["run_id"]), waiting["tape_head"]["seq"])
        question = self.pending_approval(fork["run_id"])
        self.admin.call("approval.resolve", {"approval_id": question["approval_id"], "decision": "approve"})
        self.wait_run(fork["run_id"])
        self.assertEqual(1, len([e for e in node.ledger.entries() if e["argument"] == self.key]))
        self.wait_run(source["run_id"], "waiting")
        self.admin.call("approval.resolve", {
            "approval_id": self.pending_approval(source["run_id"])["approval_id"], "decision": "deny"})
        self.wait_run(source["run_id"])
        self.assertEqual(1, len([e for e in node.ledger.entries() if e["argument"] == self.key]))

    def test_running_and_failed_runs_fork_too(self):
        running = self.start_run("/sleep 1500\n/say slept")
        fork = self.fork(running["run_id"], 2)
        self.assertEqual("slept", self.wait_run(fork["run_id"])["output"]["text"])
        self.wait_run(running["run_id"])
        failed = self.start_run("/fail permanent")
        end = self.wait_run(failed["run_id"], "failed")
        again = self.fork(failed["run_id"], end["tape_head"]["seq"])
        self.wait_run(again["run_id"], "failed")
        self.assert_copied(again, self.tape_of(failed["run_id"]), end["tape_head"]["seq"])

    def test_forks_of_forks_and_a_crash_in_between(self):
        source = self.start_run("/say once", session_key=self.key)
        head = self.wait_run(source["run_id"])["tape_head"]["seq"]
        first = self.fork(source["run_id"], head)
        self.gateway.kill()
        self.gateway.start()
        self.admin = client(self.gateway)
        self.addCleanup(self.admin.close)
        self.assertEqual("once", self.wait_run(first["run_id"])["output"]["text"])
        self.admin.call("session.delete", {"session_id": source["session_id"]})
        nested = self.fork(first["run_id"], head + 1)
        self.assertEqual("once", self.wait_run(nested["run_id"])["output"]["text"])
        self.assert_copied(nested, self.tape_of(first["run_id"]), head + 1)
        session = self.admin.call("session.get", {"session_id": nested["session_id"]})
        self.assertEqual(f"{self.key}~fork-1~fork-1", session["session_key"])

    def test_the_same_key_is_one_fork(self):
        source = self.run_text("hello")
        first = self.fork(source["run_id"], 2, idempotency_key=self.key)
        self.assertEqual(first, self.fork(source["run_id"], 2, idempotency_key=self.key))
        self.assert_refused(-32012, self.fork, source["run_id"], 1, idempotency_key=self.key)

    def test_what_cannot_be_forked_is_told_by_its_field(self):
        source = self.run_text("hello")
        for at_seq in (0, -1, source["tape_head"]["seq"] + 1, 2 ** 40):
            error = self.assert_refused(-32602, self.fork, source["run_id"], at_seq)
            self.assertEqual("/at_seq", error.details[0]["path"])
        self.assert_refused(-32003, self.fork, "run_none", 1)
        bob = client(self.gateway, self.issue(["read", "write"], principal="user:bob"))
        self.addCleanup(bob.close)
        self.assert_refused(-32003, self.fork, source["run_id"], 1, bob)


if __name__ == "__main__":
    unittest.main()
