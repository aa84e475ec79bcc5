"""Triggers: slots fire once, whoever is killed; webhooks by their signature alone (protocol.md 9, faults R5 and S19)."""
import hashlib
import hmac
import http.client
import signal
import time
import unittest
import uuid
from datetime import datetime, timedelta

import wrong_clock
from gateway import Gateway, Settings
from peer import client
from scenario import Scenario

SECRET = "a secret of sixteen"
PATIENT = "[limits]\nfailed_tokens_per_address = 1000\n"


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def all_firings(peer, name):
    """Every slot of a trigger, oldest first, read page by page."""
    items, after = [], {}
    while True:
        page = peer.call("trigger.firings", {"name": name, "limit": 50, **after})
        items += page["items"]
        if "next" not in page:
            return items[::-1]
        after = {"after": page["next"]}


def put(peer, name, **members):
    return peer.call("trigger.put", {"name": name, "input": {"text": "/say tick"}, **members})


def signed(body, nonce, sent_at=None, secret=SECRET):
    """The headers of a webhook request, by the contract's words."""
    sent_at = str(int(time.time()) if sent_at is None else sent_at)
    signature = hmac.new(secret.encode(), f"{sent_at}.{nonce}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Gatehouse-Signature": f"sha256={signature}", "X-Gatehouse-Timestamp": sent_at,
            "X-Gatehouse-Nonce": nonce, "Content-Type": "application/json"}


class SlotScene(Scenario):
    def wait_for_slots(self, peer, name, count, state="fired"):
        """Waits for `count` more events of the trigger."""
        seen = len([e for e in peer.events() if e["payload"].get("name") == name and e["type"] == f"trigger.{state}"])
        peer.wait_until(lambda: len([
            e for e in peer.events()
            if e["payload"].get("name") == name and e["type"] == f"trigger.{state}"]) >= seen + count,
            f"{count} slots of {name}", 60)

    def assert_each_slot_once(self, peer, name, step=timedelta(seconds=1)):
        """One row a slot, no slot without a row, one run for each that fired."""
        firings = all_firings(peer, name)
        slots = [instant(f["slot"]) for f in firings]
        self.assertEqual([step] * (len(slots) - 1), [b - a for a, b in zip(slots, slots[1:])], "a slot too many or too few")
        fired = [f["run_id"] for f in firings if f["state"] == "fired"]
        self.assertEqual(len(fired), len(set(fired)))
        session = peer.call("session.resolve", {"session_key": f"trigger:{name}"})
        runs, after = [], {}
        while True:
            page = peer.call("run.list", {"session_id": session["session_id"], **after})
            runs += [r["run_id"] for r in page["items"]]
            if "next" not in page:
                break
            after = {"after": page["next"]}
        # The next slot may have fired between the two readings.
        self.assertEqual(set(), set(fired) - set(runs))
        self.assertLessEqual(len(set(runs) - set(fired)), 2)
        return firings


class TriggerTest(SlotScene):
    config = PATIENT

    def test_every_second_is_one_slot_one_run_and_one_event(self):
        self.admin.call("events.subscribe", {"topics": ["triggers"]})
        made = put(self.admin, "seconds", kind="cron", cron="* * * * * *", time_zone="Europe/Berlin")
        self.wait_for_slots(self.admin, "seconds", 4)
        firings = self.assert_each_slot_once(self.admin, "seconds")
        self.assertEqual(made["next_fire_at"], firings[0]["slot"])
        self.assertEqual({"fired"}, {f["state"] for f in firings})
        for firing in firings:
            self.assertGreaterEqual(instant(firing["fired_at"]), instant(firing["slot"]))
        event = self.admin.wait_for_event("trigger.fired", lambda p: p["slot"] == firings[0]["slot"])
        self.assertEqual({"name": "seconds", "slot": firings[0]["slot"], "run_id": firings[0]["run_id"]}, event["payload"])
        self.assertEqual("triggers", event["topic"])
        run = self.wait_run(firings[0]["run_id"])
        self.assertEqual(("tick", "user:admin"), (run["output"]["text"], run["principal"]))
        self.admin.call("trigger.delete", {"name": "seconds"})

    def test_an_interval_counts_from_when_it_was_put_and_stops_when_disabled(self):
        self.admin.call("events.subscribe", {"topics": ["triggers"]})
        made = put(self.admin, "interval", kind="interval", every_ms=1500)
        self.assertEqual(instant(made["created_at"]) + timedelta(milliseconds=1500), instant(made["next_fire_at"]))
        self.wait_for_slots(self.admin, "interval", 2)
        self.assert_each_slot_once(self.admin, "interval", timedelta(milliseconds=1500))
        still = put(self.admin, "interval", kind="interval", every_ms=1500, enabled=False)
        self.assertNotIn("next_fire_at", still)
        count = len(all_firings(self.admin, "interval"))
        put(self.admin, "witness", kind="interval", every_ms=1000)
        self.wait_for_slots(self.admin, "witness", 2)
        self.assertEqual(count, len(all_firings(self.admin, "interval")))
        self.admin.call("trigger.delete", {"name": "witness"})

    def test_a_heartbeat_is_missed_while_its_session_works(self):
        self.admin.call("events.subscribe", {"topics": ["triggers"]})
        run_id = self.start_run("/sleep 60000", session_key="busy")["run_id"]
        put(self.admin, "pulse", kind="heartbeat", every_ms=1000, session_key="busy")
        self.wait_for_slots(self.admin, "pulse", 1, "missed")
        self.admin.call("run.cancel", {"run_id": run_id})
        self.wait_for_slots(self.admin, "pulse", 1)
        self.admin.call("trigger.delete", {"name": "pulse"})

    def test_a_deleted_agent_fails_the_slot_and_nothing_else(self):
        self.admin.call("events.subscribe", {"topics": ["triggers"]})
        self.admin.call("agent.put", {"name": "brief", "model": "demo"})
        put(self.admin, "orphan", kind="interval", every_ms=1000, agent="brief")
        self.admin.call("agent.delete", {"name": "brief"})
        self.wait_for_slots(self.admin, "orphan", 1, "failed")
        put(self.admin, "sound", kind="interval", every_ms=1000)
        self.wait_for_slots(self.admin, "sound", 1)
        failed = [f for f in all_firings(self.admin, "orphan") if f["state"] == "failed"]
        self.assertIn("brief", failed[0]["reason"])
        self.assert_refused(-32004, self.admin.call, "trigger.fire", {"name": "orphan"})
        for name in ("orphan", "sound"):
            self.admin.call("trigger.delete", {"name": name})

    def test_a_trigger_runs_with_its_makers_rights_and_others_do_not_see_it(self):
        alice = client(self.gateway, self.issue(["read", "write"], principal="user:alice"))
        bob = client(self.gateway, self.issue(["read", "write"], principal="user:bob"))
        for peer in (alice, bob):
            self.addCleanup(peer.close)
            peer.call("events.subscribe", {"topics": ["triggers"]})
        put(alice, "hers", kind="interval", every_ms=1000)
        event = alice.wait_for_event("trigger.fired", lambda p: p["name"] == "hers")
        run = alice.call("run.get", {"run_id": event["payload"]["run_id"]})
        self.assertEqual("user:alice", run["principal"])
        self.assert_refused(-32003, bob.call, "run.get", {"run_id": run["run_id"]})
        for method in ("get", "delete", "fire", "firings"):
            self.assert_refused(-32003, bob.call, f"trigger.{method}", {"name": "hers"})
        self.assert_refused(-32004, put, bob, "hers", kind="interval", every_ms=1000)
        self.assertEqual([], bob.call("trigger.list")["items"])
        self.assertEqual([], bob.events())
        self.admin.call("trigger.delete", {"name": "hers"})


class HookTest(Scenario):
    config = PATIENT

    def post(self, name, body, headers):
        return self.gateway.request("POST", f"/hooks/{name}", body=body, headers=headers, token=None)

    def hook(self, **members):
        name = "hook-" + uuid.uuid4().hex[:8]
        put(self.admin, name, kind="hook", secret=SECRET, **members)
        return name

    def test_a_signed_request_starts_a_run_once(self):
        name, body = self.hook(), b'{"said":"/say from outside","n":1}'
        headers = signed(body, "first nonce!")
        first = self.post(name, body, headers)
        self.assertEqual((200, "application/json"), (first.status, first.headers["content-type"]), first)
        self.assertEqual({"slot", "run_id"}, set(first.json))
        self.assertEqual("first nonce!", first.json["slot"])
        self.assertEqual(first.body, self.post(name, body, headers).body)
        self.wait_run(first.json["run_id"])
        tape = self.tape_of(first.json["run_id"])
        given = next(i["payload"] for i in tape if i["kind"] == "input")
        self.assertEqual({"content_type": "application/json", "body": body.decode()}, given["hook"])
        self.assertNotEqual(first.json["run_id"], self.post(name, body, signed(body, "second")).json["run_id"])
        self.assertEqual(["first nonce!", "second"], [f["slot"] for f in all_firings(self.admin, name)])

    def test_what_is_not_signed_right_is_refused_the_same_whether_the_hook_exists(self):
        name, body, now = self.hook(), b"{}", int(time.time())
        good = signed(body, "n", now)
        cases = {
            "no headers but the nonce": {"X-Gatehouse-Nonce": "n"},
            "no signature": {k: v for k, v in good.items() if k != "X-Gatehouse-Signature"},
            "another secret": signed(body, "n", now, "another secret, as long"),
            "another body": signed(b"{ }", "n", now),
            "another nonce": {**good, "X-Gatehouse-Nonce": "m"},
            "another time": {**good, "X-Gatehouse-Timestamp": str(now + 1)},
            "no prefix": {**good, "X-Gatehouse-Signature": good["X-Gatehouse-Signature"][7:]},
        }
        for what, headers in cases.items():
            with self.subTest(what=what):
                here, nowhere = self.post(name, body, headers), self.post("nosuch", body, headers)
                self.assertEqual(401, here.status)
                self.assertEqual(here.body, nowhere.body)
        for off in (-400, 400):
            with self.subTest(off=off):
                self.assertEqual(401, self.post(name, body, signed(body, "n", now + off)).status)
        self.assertEqual([], all_firings(self.admin, name), "no nonce is used up")
        self.assertEqual(200, self.post(name, body, good).status)

    def test_other_bad_requests_get_a_clear_refusal(self):
        name = self.hook()
        for what, status, body, nonce in (
                ("no nonce", 400, b"", ""), ("a long nonce", 400, b"", "n" * 129), ("a tab", 400, b"", "a\tb"),
                ("not UTF-8", 415, b"\xff\xfe", "x"), ("too large", 413, b"a" * (1 << 20) + b"a", "y")):
            with self.subTest(what=what):
                try:
                    refused = self.post(name, body, signed(body, nonce))
                except (BrokenPipeError, ConnectionResetError):
                    self.assertEqual(413, status)  # closed while the rest was on its way
                    continue
                self.assertEqual(status, refused.status, refused)
                self.assertTrue(refused.json["detail"])
        self.assertEqual(405, self.gateway.request("GET", f"/hooks/{name}", token=None).status)
        self.assertEqual([], all_firings(self.admin, name))
        off = self.hook(enabled=False)
        refused = self.post(off, b"", signed(b"", "n"))
        self.assertEqual((409, True), (refused.status, "disabled" in refused.json["detail"]))

    def test_the_secret_is_nowhere_to_be_seen(self):
        name, body = self.hook(), f"they sent {SECRET}".encode()
        run_id = self.post(name, body, signed(body, "n")).json["run_id"]
        seen = [self.admin.call("trigger.get", {"name": name}), self.admin.call("trigger.list"),
                self.admin.call("trigger.firings", {"name": name}), self.tape_of(run_id)]
        self.assertNotIn(SECRET, repr(seen))
        self.assertNotIn(SECRET, self.gateway.log())


class HookGuessingTest(Scenario):
    config = "[limits]\nfailed_tokens_per_address = 3\n"

    def test_wrong_signatures_are_counted_like_wrong_tokens(self):
        put(self.admin, "hook", kind="hook", secret=SECRET)
        bad = signed(b"", "n", secret="some other secret")
        statuses = [self.gateway.request("POST", "/hooks/hook", body=b"", headers=bad, token=None).status for _ in range(5)]
        self.assertEqual([401, 401, 401, 429, 429], statuses)
        good = self.gateway.request("POST", "/hooks/hook", body=b"", headers=signed(b"", "n"), token=None)
        self.assertEqual(200, good.status, "a right signature is let in")


class OutageTest(SlotScene):
    def setUp(self):
        super().setUp()
        # Another gateway, whose slots tell that seconds have passed.
        self.elsewhere = Gateway().start()
        self.addCleanup(self.elsewhere.stop)
        self.witness = client(self.elsewhere)
        self.addCleanup(self.witness.close)
        self.witness.call("events.subscribe", {"topics": ["triggers"]})
        put(self.witness, "witness", kind="interval", every_ms=1000)

    def crash(self, outage_s):
        self.gateway.kill()
        self.admin.abort()
        if outage_s:
            self.wait_for_slots(self.witness, "witness", outage_s)
        self.gateway.start()
        self.admin = client(self.gateway)
        self.addCleanup(self.admin.close)
        self.admin.call("events.subscribe", {"topics": ["triggers"]})
        self.wait_for_slots(self.admin, "skips", 1)

    def test_killed_again_and_again_no_slot_is_lost_or_doubled(self):
        self.admin.call("events.subscribe", {"topics": ["triggers"]})
        put(self.admin, "skips", kind="cron", cron="* * * * * *", missed="skip")
        put(self.admin, "catches-up", kind="cron", cron="* * * * * *", missed="run_once")
        self.wait_for_slots(self.admin, "skips", 1)
        for outage_s in (0, 4, 0, 0, 4):
            self.crash(outage_s)
        skipped = [f["state"] for f in self.assert_each_slot_once(self.admin, "skips")]
        caught = [f["state"] for f in self.assert_each_slot_once(self.admin, "catches-up")]
        self.assertGreaterEqual(skipped.count("missed"), 4)
        # Both saw the same outages; one of them fired the newest slot of each, unless the next one came due meanwhile.
        self.assertGreaterEqual(caught.count("missed"), 4 - 2)
        self.assertLessEqual(caught.count("missed"), skipped.count("missed"))


class KilledAtPointTest(SlotScene):
    """The scheduler dies at each of its fail points; the next process goes on with what stands in the store."""

    def test_wherever_the_scheduler_dies_each_slot_has_one_row_and_one_run(self):
        put(self.admin, "seconds", kind="cron", cron="* * * * * *", missed="run_once")
        for point in ("looked", "before_fire", "fired", "calls_expired", "expired", "lead_taken"):
            with self.subTest(point=point):
                nth = 1 if point == "lead_taken" else 3
                self.gateway.kill()
                self.admin.abort()
                self.gateway.environment = {"GATEHOUSE_FAILPOINT": f"scheduler.{point}:kill:{nth}"}
                self.gateway.start()
                self.assertEqual(-9, self.gateway.process.wait(30))
                self.gateway.process.stdout.close()
                self.gateway.environment = {}
                self.gateway.start()
                self.admin = client(self.gateway)
                self.addCleanup(self.admin.close)
                self.admin.call("events.subscribe", {"topics": ["triggers"]})
                self.wait_for_slots(self.admin, "seconds", 1)
        self.assert_each_slot_once(self.admin, "seconds")

    def test_a_hook_that_fired_but_did_not_answer_is_answered_when_it_is_sent_again(self):
        put(self.admin, "hook", kind="hook", secret=SECRET)
        headers = signed(b"{}", "n")
        for point, used in (("before_fire", False), ("fired", True)):
            with self.subTest(point=point):
                self.gateway.kill()
                self.gateway.environment = {"GATEHOUSE_FAILPOINT": f"hook.{point}:kill"}
                self.gateway.start()
                with self.assertRaises((http.client.HTTPException, ConnectionError)):
                    self.gateway.request("POST", "/hooks/hook", body=b"{}", headers=headers, token=None)
                self.gateway.process.wait(30)
                self.gateway.process.stdout.close()
                self.gateway.environment = {}
                self.gateway.start()
                firings = self.gateway.call("trigger.firings", {"name": "hook"})["items"]
                self.assertEqual([used], [bool(firings)])
        answer = self.gateway.request("POST", "/hooks/hook", body=b"{}", headers=headers, token=None)
        self.assertEqual({"slot": "n", "run_id": firings[0]["run_id"]}, answer.json)


class ClusterTest(SlotScene):
    """Several processes on one store."""
    config = "lease_ms = 1000\n"

    @classmethod
    def setUpClass(cls):
        if Settings.store != "postgres":
            raise unittest.SkipTest("one process does everything on SQLite")
        super().setUpClass()

    def another(self, **options):
        other = Gateway(config=self.config, store=self.gateway.store, token=self.gateway.token, **options).start()
        self.addCleanup(other.stop)
        return other

    @staticmethod
    def leads(gateway):
        return "scheduler works now" in gateway.log()

    def test_the_leader_is_killed_and_the_other_goes_on_without_a_gap(self):
        put(self.admin, "shared", kind="cron", cron="* * * * * *")
        leader, other = self.gateway, self.another(arguments=["--roles", "edge,scheduler"])
        self.admin.call("events.subscribe", {"topics": ["triggers"]})
        self.wait_for_slots(self.admin, "shared", 2)
        self.assertTrue(self.leads(leader), "the first one leads")
        leader.kill()
        self.admin.abort()
        peer = client(other)
        self.addCleanup(peer.close)
        peer.call("events.subscribe", {"topics": ["triggers"]})
        self.wait_for_slots(peer, "shared", 5)
        firings = self.assert_each_slot_once(peer, "shared")
        self.assertEqual({"fired"}, {f["state"] for f in firings}, "the other one watched all the time")
        leader.start()
        self.admin = client(leader)
        self.addCleanup(self.admin.close)
        other.terminate()
        self.admin.call("events.subscribe", {"topics": ["triggers"]})
        self.wait_for_slots(self.admin, "shared", 3)
        firings = self.assert_each_slot_once(self.admin, "shared")
        self.assertEqual({"fired"}, {f["state"] for f in firings})
        self.admin.call("trigger.delete", {"name": "shared"})

    def test_a_process_without_the_role_edge_refuses_all_but_health(self):
        other = self.another(arguments=["--roles", "worker"])
        self.assertEqual(200, other.request("GET", "/healthz", token=None).status)
        self.assertEqual(200, other.request("GET", "/readyz", token=None).status)
        for method, path in (("POST", "/rpc/ping"), ("POST", "/hooks/x"), ("GET", "/"), ("GET", "/openrpc.json")):
            refused = other.request(method, path, body="" if method == "POST" else None)
            self.assertEqual((503, True), (refused.status, "edge" in refused.json["detail"]), path)
        run_id = self.start_run("/say hi")["run_id"]
        self.wait_run(run_id)

    def test_without_a_worker_runs_wait_for_one(self):
        alone = Gateway(config=self.config, arguments=["--roles", "edge,scheduler"]).start()
        self.addCleanup(alone.stop)
        run = alone.call("run.start", {"input": {"text": "/say hi"}})
        self.assertEqual("accepted", run["state"])
        self.assertEqual("accepted", alone.call("run.get", {"run_id": run["run_id"], "wait_ms": 1000})["state"])
        worker = Gateway(config=self.config, store=alone.store, token=alone.token, arguments=["--roles", "worker"]).start()
        self.addCleanup(worker.stop)
        done = alone.call("run.get", {"run_id": run["run_id"], "wait_ms": 20000})
        self.assertEqual("succeeded", done["state"])

    def test_three_schedulers_with_other_clocks_are_stopped_in_turn_and_no_slot_is_lost_or_doubled(self):
        processes = [self.gateway] + [
            self.another(environment=wrong_clock.environment(self.gateway.directory, hours * 3600)) for hours in (1, -1)]
        peers = [client(each) for each in processes]
        for peer in peers:
            self.addCleanup(peer.close)
            peer.call("events.subscribe", {"topics": ["triggers"]})
        put(peers[0], "turns", kind="cron", cron="* * * * * *")
        self.wait_for_slots(peers[0], "turns", 1)
        for turn in range(2 * len(processes)):
            stopped, watching = processes[turn % 3].process, peers[(turn + 1) % 3]
            stopped.send_signal(signal.SIGSTOP)
            try:
                self.wait_for_slots(watching, "turns", 3)
            finally:
                stopped.send_signal(signal.SIGCONT)
        firings = self.assert_each_slot_once(peers[0], "turns")
        self.assertEqual({"fired"}, {f["state"] for f in firings})
        peers[0].call("trigger.delete", {"name": "turns"})

    def test_a_process_an_hour_off_fires_at_the_stores_time(self):
        for hours in (1, -1):
            with self.subTest(hours=hours):
                wrong = wrong_clock.environment(self.gateway.directory, hours * 3600)
                alone = Gateway(config=self.config, environment=wrong).start()
                self.addCleanup(alone.stop)
                peer = client(alone)
                self.addCleanup(peer.close)
                peer.call("events.subscribe", {"topics": ["triggers"]})
                put(peer, "off", kind="cron", cron="* * * * * *")
                self.wait_for_slots(peer, "off", 3)
                firings = self.assert_each_slot_once(peer, "off")
                self.assertEqual({"fired"}, {f["state"] for f in firings})
                self.assertLess(abs(instant(firings[0]["slot"]).timestamp() - time.time()), 600)
                self.assertEqual(200, self.hook_status(alone, peer))

    @staticmethod
    def hook_status(gateway, peer):
        put(peer, "hook", kind="hook", secret=SECRET)
        return gateway.request("POST", "/hooks/hook", body=b"", headers=signed(b"", "n"), token=None).status


if __name__ == "__main__":
    unittest.main()
