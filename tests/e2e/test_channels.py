"""Messages of channels, session modes, and the workers of a cluster (protocol.md 6; engine.md 5)."""
import threading
import unittest

from gateway import Gateway, Settings
from peer import client
from scenario import Scenario

ACT = "node__test__act"


class ChannelScene(Scenario):
    counter = iter(range(1_000_000))

    def setUp(self):
        super().setUp()
        self.room = f"room {next(self.counter)}"

    def route(self, text, message_id, peer=None, **params):
        return (peer or self.admin).call("message.route", {
            "channel": "chat", "conversation": self.room, "sender": "grace", "text": text,
            "message_id": f"{self.room}/{message_id}", **params})

    def session_of(self, outcome, **changes):
        return self.admin.call("session.resolve", {"session_id": outcome["session_id"], **changes})


class ChannelTest(ChannelScene):
    def test_a_conversation_becomes_a_session_whose_history_tells_who_wrote(self):
        first = self.route("one", 1)
        self.assertTrue(first["accepted"])
        self.wait_run(first["run_id"])
        second = self.route("two", 2)
        self.assertEqual(first["session_id"], second["session_id"])
        self.wait_run(second["run_id"])
        session = self.session_of(first)
        self.assertEqual((f"channel:chat:{self.room}", "queue"), (session["session_key"], session["mode"]))
        history = self.admin.call("session.history", {"session_id": first["session_id"]})["items"]
        said = [(m["origin"]["sender"], m["text"]) for m in history if m["role"] == "user"]
        self.assertEqual([("grace", "one"), ("grace", "two")], said)
        given = next(i for i in self.assert_verified(second["run_id"]) if i["kind"] == "input")
        self.assertEqual({"channel": "chat", "conversation": self.room, "sender": "grace",
                          "message_id": f"{self.room}/2"}, given["payload"]["origin"])

    def test_a_message_is_taken_once_even_after_a_crash(self):
        first = self.route("one", 1)
        self.assertEqual(first, self.route("quite another text", 1))
        self.gateway.kill()
        self.gateway.start()
        self.admin = client(self.gateway)
        self.addCleanup(self.admin.close)
        self.assertEqual(first, self.route("one", 1))
        runs = self.admin.call("run.list", {"session_id": first["session_id"]})["items"]
        self.assertEqual([first["run_id"]], [r["run_id"] for r in runs])
        self.wait_run(first["run_id"])

    def test_one_message_delivered_many_times_at_once_is_one_run(self):
        gateways = [self.gateway]
        if Settings.store == "postgres":
            other = Gateway(store=self.gateway.store, token=self.gateway.token).start()
            self.addCleanup(other.stop)
            gateways.append(other)
        peers = [client(gateways[n % len(gateways)]) for n in range(8)]
        for peer in peers:
            self.addCleanup(peer.close)
        for turn in range(10):
            outcomes = []
            start = threading.Barrier(len(peers))

            def deliver(peer, turn=turn, outcomes=outcomes, start=start):
                start.wait()
                outcomes.append(self.route("hello", f"storm {turn}", peer))
            threads = [threading.Thread(target=deliver, args=(peer,)) for peer in peers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(peers), len(outcomes))
            self.assertEqual([outcomes[0]] * len(peers), outcomes)
        runs = self.admin.call("run.list", {"session_id": outcomes[0]["session_id"]})["items"]
        self.assertEqual(10, len(runs))
        for run in runs:
            self.wait_run(run["run_id"])

    def test_other_principals_have_conversations_of_their_own(self):
        mine = self.route("hello", 1)
        bob = client(self.gateway, self.issue(["read", "write"], principal="user:bob"))
        self.addCleanup(bob.close)
        theirs = self.route("hello", 1, bob)
        self.assertNotEqual(mine["session_id"], theirs["session_id"])
        self.assert_refused(-32003, bob.call, "session.get", {"session_id": mine["session_id"]})


class ModeTest(ChannelScene):
    """What becomes of a message while the conversation's run waits for a person, or works."""

    def setUp(self):
        super().setUp()
        self.admin.call("policy.put", {"rules": []})
        self.node, self.device = self.pair_node()
        self.addCleanup(lambda: self.admin.call("node.revoke", {"node": self.device.id}))
        self.first = self.route(f'/call {ACT} {{"key":"{self.room}"}}\n/say after', "first")

    def acted(self):
        return [e for e in self.node.ledger.entries() if e["argument"] == self.room]

    def wait_for_question(self, mode):
        self.session_of(self.first, mode=mode)
        self.wait_run(self.first["run_id"], "waiting")
        return self.pending_approval(self.first["run_id"])["approval_id"]

    def test_queue_keeps_the_order_of_all_that_came(self):
        question = self.wait_for_question("queue")
        blocked = {"run_id": self.first["run_id"], "approval_id": question}
        routed = [self.route(f"message {n}", n) for n in range(4)]
        started = self.start_run("by run.start", session_id=self.first["session_id"])
        for each in [*routed, started]:
            self.assertEqual(blocked, each["blocked_by"])
        self.assertEqual(routed[2], self.route("message 2", 2))
        self.admin.call("approval.resolve", {"approval_id": question, "decision": "approve"})
        runs = [self.wait_run(each["run_id"]) for each in [self.first, *routed, started]]
        self.assertEqual(1, len(self.acted()))
        for before, after in zip(runs, runs[1:]):
            self.assertLessEqual(before["finished_at"], after["started_at"])
        history = self.admin.call("session.history", {"session_id": self.first["session_id"]})["items"]
        self.assertEqual([f"message {n}" for n in range(4)] + ["by run.start"],
                         [m["text"] for m in history if m["role"] == "user"][1:])

    def test_steer_denies_the_call_and_nothing_is_lost(self):
        question = self.wait_for_question("steer")
        second = self.route("rather not", 2)
        self.assertEqual(self.first["run_id"], second["blocked_by"]["run_id"])
        self.assertNotIn("approval_id", second["blocked_by"])
        answered = self.admin.call("approval.get", {"approval_id": question})
        self.assertEqual(("denied", "rather not"), (answered["state"], answered["reason"]))
        self.assertIn("after", self.wait_run(self.first["run_id"])["output"]["text"])
        self.assertIn("rather not", self.wait_run(second["run_id"])["output"]["text"])
        self.assertEqual([], self.acted())

    def test_interrupt_cancels_the_waiting_run(self):
        question = self.wait_for_question("interrupt")
        second = self.route("stop that", 2)
        self.assertNotIn("blocked_by", second)
        self.assertEqual("cancelled", self.admin.call("run.get", {"run_id": self.first["run_id"]})["state"])
        self.assertEqual("cancelled", self.admin.call("approval.get", {"approval_id": question})["state"])
        self.wait_run(second["run_id"])
        self.assert_verified(self.first["run_id"])
        self.assertEqual([], self.acted())

    def test_a_run_that_works_is_left_alone_in_every_mode(self):
        self.wait_for_question("interrupt")
        working = self.route("/sleep 3000\n/say slept", "working")
        self.wait_run(self.first["run_id"], "cancelled")
        subscription = self.admin.call("run.subscribe", {"run_id": working["run_id"]})["subscription_id"]
        self.admin.wait_until(
            lambda: any(i["kind"] == "provider_request" for i in self.admin.tape_items(subscription)), "the turn")
        behind = []
        for mode in ("queue", "steer", "interrupt"):
            self.session_of(self.first, mode=mode)
            behind.append(self.route(f"in mode {mode}", mode))
            self.assertEqual({"run_id": working["run_id"]}, behind[-1]["blocked_by"])
        self.assertEqual("slept", self.wait_run(working["run_id"])["output"]["text"])
        runs = [self.wait_run(each["run_id"]) for each in behind]
        self.assertEqual(sorted(runs, key=lambda r: r["started_at"]), runs)

    def test_a_storm_of_messages_and_decisions_loses_nothing_and_keeps_the_order(self):
        question = self.wait_for_question("steer")
        outcomes = []
        start = threading.Barrier(7)

        def send(n, peer):
            start.wait()
            for i in range(5):
                outcomes.append(self.route(f"/say {n}.{i}", f"{n}.{i}", peer))

        def decide(peer):
            start.wait()
            with self.subTest("either the person or the message answers"):
                try:
                    peer.call("approval.resolve", {"approval_id": question, "decision": "approve"})
                except Exception as error:  # noqa: BLE001: the message was first
                    self.assertEqual(-32004, error.code)
        peers = [client(self.gateway) for _ in range(7)]
        threads = [threading.Thread(target=send, args=(n, peer)) for n, peer in enumerate(peers[:6])]
        threads.append(threading.Thread(target=decide, args=(peers[6],)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for peer in peers:
            peer.close()
        self.assertEqual(30, len({each["run_id"] for each in outcomes}))
        runs = {each["run_id"]: self.wait_run(each["run_id"]) for each in outcomes}
        self.wait_run(self.first["run_id"])
        ordered = sorted(runs.values(), key=lambda r: r["started_at"])
        for before, after in zip(ordered, ordered[1:]):
            self.assertLessEqual(before["finished_at"], after["started_at"])
        history, after = [], {}
        while True:
            page = self.admin.call("session.history", {"session_id": self.first["session_id"], **after})
            history += [m for m in page["items"] if m["role"] == "user"]
            if "next" not in page:
                break
            after = {"after": page["next"]}
        self.assertEqual(31, len(history))


class WorkerTest(Scenario):
    def test_every_worker_of_the_cluster_is_listed_with_its_real_address(self):
        gateways = [self.gateway]
        if Settings.store == "postgres":
            other = Gateway(store=self.gateway.store, token=self.gateway.token).start()
            self.addCleanup(other.stop)
            gateways.append(other)
        busy = [self.start_run("/sleep 2000") for _ in range(3)]
        for gateway in gateways:
            workers = gateway.call("worker.list")["items"]
            self.assertEqual({g.ready["instance_id"]: g.address for g in gateways},
                             {w["instance_id"]: w["address"] for w in workers})
            self.assertEqual({64}, {w["slots"] for w in workers})
            self.assertEqual(3, sum(w["running"] for w in workers))
            shown = gateway.call("gateway.status")["instances"]
            self.assertEqual({w["instance_id"]: w["address"] for w in workers},
                             {i["instance_id"]: i["address"] for i in shown})
        first = self.admin.call("worker.list", {"limit": 1})
        self.assertEqual(1, len(first["items"]))
        self.assertEqual(len(gateways) > 1, "next" in first)
        if "next" in first:
            rest = self.admin.call("worker.list", {"after": first["next"]})["items"]
            self.assertEqual(len(gateways) - 1, len(rest))
        for run in busy:
            self.wait_run(run["run_id"])


if __name__ == "__main__":
    unittest.main()
