"""Several processes on one Postgres: what is said to one of them counts on all, and any of them may die."""
import os
import signal
import threading
import unittest

from gateway import Gateway, Settings
from peer import Ledger, client, pair, reconnect

CONFIG = "lease_ms = 2000\n"


@unittest.skipIf(Settings.store == "sqlite", "SQLite has one process")
class Cluster(unittest.TestCase):
    """Two gateways, `one` and `two`, and an admin on each."""

    def setUp(self):
        self.one = self.begin()
        self.two = self.begin(store=self.one.store, token=self.one.token)
        self.admin_one, self.admin_two = self.admin_of(self.one), self.admin_of(self.two)
        self.ledger = Ledger(self.one.directory)

    def begin(self, config=CONFIG, **where):
        gateway = Gateway(config=config, **where).start()
        self.addCleanup(gateway.stop)
        return gateway

    def admin_of(self, gateway, **named):
        admin = client(gateway, **named)
        self.addCleanup(admin.close)
        return admin

    def pair_node(self, gateway, admin, **named):
        node, device = pair(gateway, admin, self.ledger, **named)
        self.addCleanup(node.close)
        return node, device

    def start_run(self, admin, text, **params):
        return admin.call("run.start", {"input": {"text": text}, **params})["run_id"]

    def wait_run(self, admin, run_id, *states):
        run = admin.call("run.get", {"run_id": run_id, "wait_ms": 40000}, timeout=60)
        self.assertIn(run["state"], states or ("succeeded",), run)
        return run

    def wait_event(self, peer, event_type, **payload):
        return peer.wait_for_event(event_type, lambda p: all(p.get(k) == v for k, v in payload.items()))

    def open_approval(self, admin, run_id):
        """Waits until the run waits for a person, seen from `admin`."""
        run = self.wait_run(admin, run_id, "waiting")
        return run["waiting_on"]["approval_id"]


class OneWordCountsEverywhere(Cluster):
    def test_both_see_the_cluster_and_the_same_gateway(self):
        status = [admin.call("gateway.status") for admin in (self.admin_one, self.admin_two)]
        self.assertEqual(status[0]["gateway_id"], status[1]["gateway_id"])
        for each in status:
            self.assertEqual({s["instance_id"] for s in status}, {i["instance_id"] for i in each["instances"]})

    def test_events_of_one_reach_a_subscriber_of_the_other(self):
        self.admin_two.call("events.subscribe", {"topics": ["runs"]})
        run = self.start_run(self.admin_one, "/say one two three")
        self.wait_event(self.admin_two, "run.state_changed", run_id=run, to="succeeded")
        self.wait_run(self.admin_two, run)

    def test_text_streams_across_while_a_turn_is_under_way(self):
        if Settings.pooled:
            self.skipTest("through a pooler nobody hears others")
        self.admin_two.call("events.subscribe", {"topics": ["runs"]})
        run = self.start_run(self.admin_one, "/say first words\n/sleep 1500\n/say the rest")
        self.wait_event(self.admin_two, "run.delta", run_id=run)
        self.wait_run(self.admin_two, run)

    def test_a_tape_is_followed_across(self):
        run = self.start_run(self.admin_one, "/sleep 300\n/say done")
        followed = self.admin_two.call("run.subscribe", {"run_id": run})["subscription_id"]
        self.admin_two.wait_for("tape.end", lambda p: p["subscription_id"] == followed)
        seqs = [item["seq"] for item in self.admin_two.tape_items(followed)]
        self.assertEqual(list(range(1, len(seqs) + 1)), seqs)

    def test_an_approval_is_given_on_the_other(self):
        self.pair_node(self.one, self.admin_one)
        run = self.start_run(self.admin_one, '/call node__test__act {"key":"approved"}')
        approval = self.open_approval(self.admin_two, run)
        self.admin_two.call("approval.resolve", {"approval_id": approval, "decision": "approve"})
        self.wait_run(self.admin_one, run)
        self.assertEqual(["approved"], [e["argument"] for e in self.ledger.entries()])

    def test_a_run_is_cancelled_from_the_other(self):
        run = self.start_run(self.admin_one, "/sleep 30000")
        self.admin_two.call("run.cancel", {"run_id": run, "reason": "enough"})
        self.wait_run(self.admin_two, run, "cancelled")

    def test_a_run_takes_input_from_the_other(self):
        run = self.start_run(self.admin_one, "/sleep 700\n/say first")
        self.admin_two.call("run.input", {"run_id": run, "text": "/say second"})
        self.assertIn("second", self.wait_run(self.admin_two, run)["output"]["text"])

    def test_a_node_is_called_through_the_other(self):
        node, device = self.pair_node(self.one, self.admin_one)
        for key in ("1", "2", "3"):
            reply = self.admin_two.call("node.invoke", {
                "node": device.id, "capability": "test", "operation": "look", "arguments": {"key": key}})
            self.assertEqual("succeeded", reply["state"])
            self.assertEqual(key, reply["result"]["arguments"]["key"])

    def test_a_pairing_is_approved_on_the_other(self):
        # pair() approves on the admin it is given, while the device waits on the gateway it is given.
        node, device = self.pair_node(self.one, self.admin_two)
        self.assertEqual("online", self.admin_two.call("node.get", {"node": device.id})["state"])

    def test_a_revoked_token_is_closed_on_the_other(self):
        issued = self.admin_one.call("token.issue", {"kind": "client", "scopes": ["read"]})
        reader = self.admin_of(self.two, token=issued["token"])
        self.admin_one.call("token.revoke", {"token_id": issued["token_id"]})
        self.assertEqual(4401, reader.wait_for_close().code)

    def test_a_revoked_node_is_closed_on_the_other(self):
        node, device = self.pair_node(self.one, self.admin_one)
        self.admin_two.call("node.revoke", {"node": device.id})
        self.assertIn(node.wait_for_close().code, (4401, 4403))

    def test_a_node_that_connects_to_the_other_replaces_its_connection(self):
        node, device = self.pair_node(self.one, self.admin_one)
        moved = reconnect(self.two, device, self.ledger, node.memory)
        self.addCleanup(moved.close)
        self.assertEqual(4409, node.wait_for_close().code)
        reply = self.admin_one.call("node.invoke", {
            "node": device.id, "capability": "test", "operation": "look", "arguments": {"key": "k"}})
        self.assertEqual("succeeded", reply["state"])

    def test_one_key_on_both_at_once_is_one_run(self):
        replies = {}

        def ask(name, admin, key):
            replies[name] = admin.call("run.start", {
                "input": {"text": "/say once"}, "session_key": f"once-{key}", "idempotency_key": key})

        for key in (f"key-{n}" for n in range(10)):
            asking = [threading.Thread(target=ask, args=(name, admin, key))
                      for name, admin in (("one", self.admin_one), ("two", self.admin_two))]
            for each in asking:
                each.start()
            for each in asking:
                each.join()
            self.assertEqual(replies["one"], replies["two"])
            self.wait_run(self.admin_two, replies["one"]["run_id"])


class AnyOfThemMayDie(Cluster):
    def test_the_other_takes_over_what_a_killed_one_was_at(self):
        self.admin_two.call("events.subscribe", {"topics": ["*"]})
        run = self.start_run(self.admin_one, "/sleep 300\n/say gone on")
        gone = self.one.ready["instance_id"]
        self.one.kill()
        self.wait_run(self.admin_two, run)
        self.wait_event(self.admin_two, "instance.left", instance_id=gone)
        leases = [i["payload"] for i in self.admin_two.call("run.tape", {"run_id": run})["items"] if i["kind"] == "lease"]
        self.assertEqual(["start", "takeover"], [each["reason"] for each in leases])
        self.assertTrue(self.admin_two.call("run.verify", {"run_id": run})["ok"])

    def test_an_effect_that_was_done_is_not_done_again_by_the_other(self):
        node, device = self.pair_node(self.two, self.admin_two)
        self.admin_two.call("policy.put", {"rules": [{"effect": "allow", "tool": "*"}]})
        acted = threading.Event()

        def kill_the_owner(params):
            if params["operation"] == "act" and not acted.is_set():
                acted.set()
                self.one.kill()

        node.on_invoke = kill_the_owner
        run = self.start_run(self.admin_one, '/call node__test__act {"key":"once"}')
        self.wait_run(self.admin_two, run)
        self.assertEqual(["once"], [e["argument"] for e in self.ledger.entries()])

    def test_one_that_stood_still_past_its_lease_writes_nothing_more(self):
        run = self.start_run(self.admin_one, "/sleep 300\n/say done")
        self.admin_two.call("events.subscribe", {"topics": ["*"]})
        os.kill(self.one.pid, signal.SIGSTOP)
        try:
            self.wait_run(self.admin_two, run)
        finally:
            os.kill(self.one.pid, signal.SIGCONT)
        # It registers anew and works on.
        self.wait_event(self.admin_two, "instance.joined", instance_id=self.one.ready["instance_id"])
        again = self.start_run(self.admin_of(self.one), "/say hello")
        self.wait_run(self.admin_two, again)
        items = self.admin_two.call("run.tape", {"run_id": run})["items"]
        self.assertEqual(1, sum(i["kind"] == "status_change" and i["payload"]["to"] == "succeeded" for i in items))
        self.assertTrue(self.admin_two.call("run.verify", {"run_id": run})["ok"])

    def test_a_cursor_of_a_killed_one_is_good_on_the_other(self):
        cursor = self.admin_one.call("events.subscribe", {"topics": ["runs"]})["cursor"]
        runs = [self.start_run(self.admin_one, f"/say {n}") for n in range(5)]
        for run in runs:
            self.wait_run(self.admin_one, run)
        self.one.kill()
        self.admin_two.call("events.subscribe", {"topics": ["runs"], "after": cursor})
        for run in runs:
            self.wait_event(self.admin_two, "run.state_changed", run_id=run, to="succeeded")
        ids = [e["event_id"] for e in self.admin_two.events() if not e.get("ephemeral")]
        self.assertEqual(len(ids), len(set(ids)))

    def test_a_node_finds_its_way_when_its_gateway_is_killed(self):
        node, device = self.pair_node(self.one, self.admin_one)
        self.one.kill()
        moved = reconnect(self.two, device, self.ledger, node.memory)
        self.addCleanup(moved.close)
        reply = self.admin_two.call("node.invoke", {
            "node": device.id, "capability": "test", "operation": "look", "arguments": {"key": "k"}})
        self.assertEqual("succeeded", reply["state"])


@unittest.skipIf(Settings.store == "sqlite", "SQLite has one process")
class WrongStore(unittest.TestCase):
    def test_a_gateway_id_that_is_not_the_stores_is_refused(self):
        gateway = Gateway(config='gateway_id = "gw_01ARZ3NDEKTSV4RRFFQ69G5FAV"\n')
        self.addCleanup(gateway.stop)
        status, _, said = gateway.run_to_end()
        self.assertEqual(2, status, said)
        self.assertIn("gateway_id", said)
