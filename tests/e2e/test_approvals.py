"""Approvals, policy and grants (protocol.md 8)."""
import json
import threading
import unittest

import canonical
from gateway import RpcError
from peer import client
from scenario import Scenario

ACT = "node__test__act"
LOOK = "node__test__look"


class ApprovalTest(Scenario):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.counter = iter(range(1_000_000))

    def setUp(self):
        super().setUp()
        self.admin.call("policy.put", {"rules": []})
        self.node, self.device = self.pair_node(label=f"node {next(self.counter)}")
        self.addCleanup(lambda: self.admin.call("node.revoke", {"node": self.device.id}))
        self.key = f"key-{next(self.counter)}"

    def acted(self):
        return [e for e in self.node.ledger.entries() if e["argument"] == self.key]

    def ask(self, **params):
        """A run that waits for approval of one act; its id and the approval."""
        run = self.start_run(f'/call {ACT} {{"key":"{self.key}"}}', **params)
        waiting = self.wait_run(run["run_id"], "waiting")
        approval = self.pending_approval(run["run_id"])
        self.assertEqual(approval["approval_id"], waiting["waiting_on"]["approval_id"])
        return run["run_id"], approval

    def resolve(self, approval, decision, peer=None, **params):
        return (peer or self.admin).call(
            "approval.resolve", {"approval_id": approval["approval_id"], "decision": decision, **params})

    def test_an_approval_shows_everything_and_binds_it(self):
        run_id, approval = self.ask()
        subject = approval["subject"]
        self.assertEqual({"key": self.key}, subject["arguments"])
        self.assertEqual((ACT, run_id, "user:admin", "default"),
                         (subject["tool"], subject["run_id"], subject["principal"], subject["agent"]))
        self.assertEqual(canonical.digest(subject), approval["subject_hash"])
        self.assertEqual(("call", "pending", "dangerous"), (approval["kind"], approval["state"], approval["risk"]))
        self.assertEqual(approval, self.admin.call("approval.get", {"approval_id": approval["approval_id"]}))
        self.assertEqual([], self.acted())
        self.resolve(approval, "approve", subject_hash=approval["subject_hash"])
        self.wait_run(run_id)
        self.assertEqual(1, len(self.acted()))
        items = self.assert_verified(run_id)
        kinds = [item["kind"] for item in items]
        order = [kinds.index(k) for k in ("policy_decision", "approval_request", "approval_decision", "tool_output")]
        self.assertEqual(sorted(order), order)
        self.assertIn("tool_call", kinds)

    def test_denied_gives_a_failed_output_and_the_run_goes_on(self):
        run_id, approval = self.ask()
        self.assertEqual("denied", self.resolve(approval, "deny", reason="no")["state"])
        self.wait_run(run_id)
        output = next(i for i in self.assert_verified(run_id) if i["kind"] == "tool_output")
        self.assertFalse(output["payload"]["ok"])
        self.assertEqual([], self.acted())

    def test_the_first_decision_wins(self):
        run_id, approval = self.ask()
        first = self.resolve(approval, "approve")
        self.assertEqual(first["state"], self.resolve(approval, "approve")["state"])
        self.assert_refused(-32004, self.resolve, approval, "deny")
        self.wait_run(run_id)
        self.assertEqual(1, len(self.acted()))

    def test_of_many_concurrent_decisions_one_wins(self):
        run_id, approval = self.ask()
        peers = [client(self.gateway) for _ in range(10)]
        outcomes = []

        def decide(peer, decision):
            for _ in range(5):
                try:
                    outcomes.append((decision, self.resolve(approval, decision, peer)["state"]))
                except RpcError as error:
                    outcomes.append((decision, error.code))
        threads = [threading.Thread(target=decide, args=(peer, ("approve", "deny")[n % 2])) for n, peer in enumerate(peers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.wait_run(run_id)
        state = self.admin.call("approval.get", {"approval_id": approval["approval_id"]})["state"]
        winner = {"approved": "approve", "denied": "deny"}[state]
        for decision, outcome in outcomes:
            self.assertEqual(state if decision == winner else -32004, outcome)
        self.assertEqual(1 if winner == "approve" else 0, len(self.acted()))
        for peer in peers:
            peer.close()

    def test_another_subject_hash_is_wrong_state(self):
        run_id, approval = self.ask()
        for wrong in ("0" * 64, approval["subject_hash"].upper() if approval["subject_hash"].upper() !=
                      approval["subject_hash"] else "1" * 64):
            with self.assertRaises(RpcError) as caught:
                self.resolve(approval, "approve", subject_hash=wrong)
            self.assertIn(caught.exception.code, (-32004, -32602))
        self.assertEqual([], self.acted())
        self.resolve(approval, "deny")
        self.wait_run(run_id)

    def test_an_outcome_decision_for_a_call_is_refused(self):
        run_id, approval = self.ask()
        for decision in ("retry", "skip", "fail"):
            with self.assertRaises(RpcError) as caught:
                self.resolve(approval, decision)
            self.assertIn(caught.exception.code, (-32004, -32602))
        self.resolve(approval, "deny")
        self.wait_run(run_id)

    def test_cancel_of_a_waiting_run_cancels_its_approval(self):
        run_id, approval = self.ask()
        self.admin.call("run.cancel", {"run_id": run_id})
        self.wait_run(run_id, "cancelled")
        self.assertEqual("cancelled", self.admin.call("approval.get", {"approval_id": approval["approval_id"]})["state"])
        self.assert_refused(-32004, self.resolve, approval, "approve")
        self.assertEqual([], self.acted())

    def test_a_message_behind_a_waiting_run_says_what_blocks_it(self):
        key = f"blocked-{self.key}"
        run_id, approval = self.ask(session_key=key)
        behind = self.start_run("hello?", session_key=key)
        self.assertEqual("accepted", behind["state"])
        self.assertEqual({"run_id": run_id, "approval_id": approval["approval_id"]}, behind["blocked_by"])
        self.resolve(approval, "deny")
        self.wait_run(behind["run_id"])

    def test_a_session_that_steers_denies_with_the_message(self):
        key = f"steer-{self.key}"
        self.admin.call("session.resolve", {"session_key": key, "mode": "steer"})
        run_id, approval = self.ask(session_key=key)
        self.start_run("rather not", session_key=key)
        self.wait_run(run_id)
        self.assertEqual("denied", self.admin.call("approval.get", {"approval_id": approval["approval_id"]})["state"])

    def test_a_session_that_interrupts_cancels(self):
        key = f"interrupt-{self.key}"
        self.admin.call("session.resolve", {"session_key": key, "mode": "interrupt"})
        run_id, _ = self.ask(session_key=key)
        after = self.start_run("something else", session_key=key)
        self.wait_run(run_id, "cancelled")
        self.wait_run(after["run_id"])

    def test_only_scope_approve_decides(self):
        run_id, approval = self.ask()
        writer = client(self.gateway, self.issue(["read", "write"]))
        self.addCleanup(writer.close)
        self.assert_refused(-32002, self.resolve, approval, "approve", writer)
        self.resolve(approval, "deny")
        self.wait_run(run_id)

    def test_a_grant_always_lifts_the_next_ask_of_the_same_call(self):
        run_id, approval = self.ask()
        self.resolve(approval, "approve", grant="always")
        self.wait_run(run_id)
        again = self.run_text(f'/call {ACT} {{"key":"{self.key}"}}')
        self.assertEqual("succeeded", again["state"])
        self.assertEqual(2, len(self.acted()))
        other = self.start_run(f'/call {ACT} {{"key":"{self.key} else"}}')
        self.wait_run(other["run_id"], "waiting")
        self.resolve(self.pending_approval(other["run_id"]), "deny")
        grants = self.admin.call("grant.list")["items"]
        for grant in grants:
            self.admin.call("grant.revoke", {"grant_id": grant["grant_id"]})
        run_id, approval = self.ask()
        self.resolve(approval, "deny")
        self.wait_run(run_id)

    def test_a_grant_for_the_session_ends_with_it(self):
        run_id, approval = self.ask(session_key=f"grant-{self.key}")
        self.resolve(approval, "approve", grant="session")
        self.wait_run(run_id)
        self.run_text(f'/call {ACT} {{"key":"{self.key}"}}', session_key=f"grant-{self.key}")
        run_id, approval = self.ask(session_key=f"other-{self.key}")
        self.resolve(approval, "deny")
        self.wait_run(run_id)

    def test_grant_when_widens_to_a_schema_and_no_further(self):
        run_id, approval = self.ask()
        self.resolve(approval, "approve", grant="always",
                     grant_when={"properties": {"key": {"pattern": f"^{self.key}"}}, "required": ["key"]})
        self.wait_run(run_id)
        self.run_text(f'/call {ACT} {{"key":"{self.key}-more"}}')
        other = self.start_run(f'/call {ACT} {{"key":"other-{self.key}"}}')
        self.wait_run(other["run_id"], "waiting")
        self.resolve(self.pending_approval(other["run_id"]), "deny")
        self.wait_run(other["run_id"])

    def test_rules_decide_before_risk_does(self):
        self.admin.call("policy.put", {"rules": [
            {"effect": "allow", "tool": "node__test__*", "when": {"properties": {"key": {"const": self.key}}}},
            {"effect": "deny", "tool": LOOK, "reason": "not today"}]})
        self.run_text(f'/call {ACT} {{"key":"{self.key}"}}')
        self.assertEqual(1, len(self.acted()))
        run = self.run_text(f'/call {LOOK} {{"key":"{self.key}"}}')
        items = self.assert_verified(run["run_id"])
        self.assertFalse(next(i for i in items if i["kind"] == "tool_output")["payload"]["ok"])
        decision = next(i for i in items if i["kind"] == "policy_decision")["payload"]
        self.assertEqual("deny", decision["effect"])

    def test_deny_beats_ask_beats_allow(self):
        rules = [{"effect": "allow", "tool": ACT}, {"effect": "ask", "tool": ACT}, {"effect": "deny", "tool": ACT}]
        for count, effect in ((1, "allow"), (2, "ask"), (3, "deny")):
            for order in (rules[:count], rules[:count][::-1]):
                self.admin.call("policy.put", {"rules": order})
                self.assertEqual(effect, self.admin.call(
                    "policy.check", {"tool": ACT, "arguments": {"key": "x"}})["effect"])

    def test_without_a_rule_risk_decides(self):
        for tool, effect in ((LOOK, "allow"), (ACT, "ask"), ("node__no__such", "deny"), ("nonsense", "deny")):
            with self.subTest(tool=tool):
                self.assertEqual(effect, self.admin.call("policy.check", {"tool": tool, "arguments": {"key": "x"}})["effect"])

    def test_policy_is_replaced_only_on_the_version_that_was_read(self):
        version = self.admin.call("policy.get")["version"]
        self.admin.call("policy.put", {"rules": [], "version": version})
        self.assert_refused(-32004, self.admin.call, "policy.put", {"rules": [], "version": version})

    def test_no_call_without_a_decision_on_the_tape(self):
        run = self.run_text(f'/parallel 3\n/call {LOOK} {{"key":"1"}}\n/call {LOOK} {{"key":"2"}}\n/call {LOOK} {{"key":"3"}}')
        kinds = [i["kind"] for i in self.assert_verified(run["run_id"])]
        self.assertEqual(3, kinds.count("policy_decision"))
        self.assertEqual(3, kinds.count("tool_call"))
        self.assertEqual(3, kinds.count("tool_output"))

    def test_tool_invoke_asks_and_the_same_key_executes_once_after_approval(self):
        params = {"tool": ACT, "arguments": {"key": self.key}, "idempotency_key": f"invoke-{self.key}"}
        error = self.assert_refused(-32011, self.admin.call, "tool.invoke", params)
        approval_id = error.details["approval_id"]
        self.assertEqual(approval_id, self.assert_refused(
            -32011, self.admin.call, "tool.invoke", params).details["approval_id"])
        self.admin.call("approval.resolve", {"approval_id": approval_id, "decision": "approve"})
        first = self.admin.call("tool.invoke", params)
        self.assertEqual(first, self.admin.call("tool.invoke", params))
        self.assertEqual(1, len(self.acted()))

    def test_an_approval_is_for_the_call_with_its_key(self):
        def params(key, argument=None):
            return {"tool": ACT, "arguments": {"key": argument or self.key}, "idempotency_key": key + self.key}
        asked = self.assert_refused(-32011, self.admin.call, "tool.invoke", params("d1")).details["approval_id"]
        self.assert_refused(-32012, self.admin.call, "tool.invoke", params("d1", "other"))
        self.resolve({"approval_id": asked}, "approve")
        other = self.assert_refused(-32011, self.admin.call, "tool.invoke", params("d2")).details["approval_id"]
        self.assertNotEqual(asked, other)
        self.admin.call("tool.invoke", params("d1"))
        self.assertEqual(1, len(self.acted()))

    def test_the_events_of_an_approval_hold_what_their_schema_asks(self):
        self.admin.call("events.subscribe", {"topics": ["approvals"]})
        run_id, approval = self.ask()
        self.resolve(approval, "deny")
        self.wait_run(run_id)
        seen = self.admin.wait_until(lambda: [
            e for n in self.admin.notifications if n["method"] == "event" for e in n["params"]["events"]
            if e["payload"].get("approval_id") == approval["approval_id"]][1:] and [
            e for n in self.admin.notifications if n["method"] == "event" for e in n["params"]["events"]
            if e["payload"].get("approval_id") == approval["approval_id"]], "both events")
        self.assertEqual([("approval.requested", "pending"), ("approval.resolved", "denied")],
                         [(e["type"], e["payload"]["state"]) for e in seen])
        for each in seen:
            self.assertTrue({"kind", "risk", "tool", "expires_at"} <= each["payload"].keys(), each)

    def test_a_denied_tool_invoke_is_policy_denied(self):
        params = {"tool": ACT, "arguments": {"key": self.key}, "idempotency_key": f"denied-{self.key}"}
        approval_id = self.assert_refused(-32011, self.admin.call, "tool.invoke", params).details["approval_id"]
        self.admin.call("approval.resolve", {"approval_id": approval_id, "decision": "deny"})
        self.assert_refused(-32010, self.admin.call, "tool.invoke", params)
        self.assertEqual([], self.acted())

    def test_wrong_arguments_never_reach_the_node(self):
        for arguments in ({}, {"key": 17}, {"key": "x", "more": 1}):
            with self.subTest(arguments=arguments):
                with self.assertRaises(RpcError):
                    self.admin.call("tool.invoke", {"tool": ACT, "arguments": arguments})
                run = self.run_text(f"/call {ACT} {json.dumps(arguments)}")
                output = next(i for i in self.tape_of(run["run_id"]) if i["kind"] == "tool_output")
                self.assertFalse(output["payload"]["ok"])
        self.assertEqual([], self.acted())

    def test_an_approval_is_told_to_subscribers(self):
        watcher = client(self.gateway)
        self.addCleanup(watcher.close)
        watcher.call("events.subscribe", {"topics": ["approvals"]})
        run_id, approval = self.ask()
        watcher.wait_for_event("approval.requested", lambda p: p["approval_id"] == approval["approval_id"])
        self.resolve(approval, "deny")
        watcher.wait_for_event("approval.resolved", lambda p: p["approval_id"] == approval["approval_id"])
        self.wait_run(run_id)


if __name__ == "__main__":
    unittest.main()
