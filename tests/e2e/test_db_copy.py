"""gatehouse db copy: a laptop's store moved while it had work to do (README, "From laptop to cluster")."""
import hashlib
import random
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from gateway import Gateway, Settings, new_store_url
from peer import Ledger, base32, client, pair, reconnect
from scenario import Scenario

ACT = "node__test__act"
LEASE = "lease_ms = 1000\n"


def copy_command(source, target, *more):
    return [Settings.gatehouse, "db", "copy", "--from", source, "--to", target, *more]


def run_copy(source, target, *more):
    done = subprocess.run(copy_command(source, target, *more), capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


class DbCopyTest(Scenario):
    """The source is a SQLite file; the target is what the tests run on."""
    @classmethod
    def setUpClass(cls):
        """Each test has gateways of its own."""

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="gatehouse-copy-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.old = Gateway(config=LEASE, directory=self.directory("old"), store=f"sqlite:{self.folder}/old/gatehouse.db")
        self.addCleanup(self.old.stop)
        self.use(self.old.start())
        self.target = f"sqlite:{self.folder}/new/gatehouse.db" if Settings.store == "sqlite" else new_store_url(self.folder)

    def directory(self, name):
        (self.folder / name).mkdir(mode=0o700)
        return self.folder / name

    def use(self, gateway):
        self.gateway = gateway
        self.admin = client(gateway)
        self.addCleanup(self.admin.close)

    def start_new(self):
        new = Gateway(config=LEASE, directory=self.folder / "new", store=self.target, token=self.old.token)
        self.addCleanup(new.stop)
        self.use(new.start())

    def copy_until_done(self):
        """The copy, killed again and again, a little later each time."""
        for attempt in range(200):
            with subprocess.Popen(copy_command(self.old.store, self.target, "--to-data", str(self.folder / "new")),
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
                try:
                    output, _ = process.communicate(timeout=0.02 + 0.01 * attempt * random.random())
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    continue
            if "a copy that is finished" in output:  # it was killed between its last commit and its last word
                return attempt
            self.assertEqual(0, process.returncode, output)
            self.assertIn("Verified: ", output)
            self.assertIn("Copied 1 artifact files", output)
            return attempt
        raise AssertionError("the copy never came to its end")

    def stored_events(self):
        return [each["event_id"] for each in self.admin.events() if not each.get("ephemeral")]

    def test_everything_goes_on_in_the_copy(self):
        node, device = pair(self.old, self.admin, Ledger(self.folder))
        before = self.admin.call("events.subscribe", {"topics": ["*"]})["cursor"]
        finished = self.run_text("/say done")
        fork = self.admin.call("run.fork", {"run_id": finished["run_id"], "at_seq": 3})
        self.wait_run(fork["run_id"])
        message = {"channel": "chat", "conversation": "room", "sender": "grace", "text": "hi", "message_id": "1"}
        routed = self.admin.call("message.route", message)
        self.wait_run(routed["run_id"])
        keyed = {"input": {"text": "once"}, "idempotency_key": "key"}
        started = self.admin.call("run.start", keyed)
        self.wait_run(started["run_id"])
        many = [self.start_run(f"/say number {n}") for n in range(60)]
        for each in many:
            self.wait_run(each["run_id"])
        waiting = self.start_run(f'/call {ACT} {{"key":"copied"}}')
        self.wait_run(waiting["run_id"], "waiting")
        question = self.pending_approval(waiting["run_id"])
        big = b"x" * (9 << 20)
        artifact = "art_" + base32(hashlib.sha256(big).digest())
        self.assertIn(self.old.request("PUT", f"/v1/artifacts/{artifact}", big).status, (200, 201))
        working = self.start_run("/sleep 3000\n/say slept")
        seen = self.stored_events()
        self.old.kill()

        self.assertGreater(self.copy_until_done(), 0, "it was never killed")

        self.start_new()
        self.assertEqual("slept", self.wait_run(working["run_id"])["output"]["text"])
        self.admin.call("events.subscribe", {"topics": ["*"], "after": before})
        self.admin.wait_for_event("run.state_changed", lambda p: p["run_id"] == working["run_id"] and p["to"] == "succeeded")
        again = self.stored_events()
        self.assertEqual(len(again), len(set(again)))
        self.assertEqual(seen, again[:len(seen)])

        back = reconnect(self.gateway, device, node.ledger, node.memory)
        self.addCleanup(back.close)
        self.admin.call("approval.resolve", {"approval_id": question["approval_id"], "decision": "approve"})
        self.wait_run(waiting["run_id"])
        self.assertEqual(1, len([e for e in node.ledger.entries() if e["argument"] == "copied"]))
        self.assertEqual(routed, self.admin.call("message.route", message))
        self.assertEqual(started, self.admin.call("run.start", keyed))
        for each in (finished, fork, waiting, working, many[0], many[-1]):
            self.assert_verified(each["run_id"])
        self.assertEqual(big, self.gateway.request("GET", f"/v1/artifacts/{artifact}").body)
        self.assertEqual("succeeded", self.run_text("hello")["state"])

    def test_what_cannot_be_copied_is_told_in_a_sentence(self):
        self.run_text("hello")
        for source, target, sentence in (
                (self.old.store, self.target, "A gateway works on a store"),
                (f"sqlite:{self.folder}/none.db", self.target, "--from: there is no file"),
                ("mysql://x", self.target, "--from: The store must be named"),
                (self.old.store, "mysql://x", "--to: The store must be named")):
            with self.subTest(sentence):
                code, _, stderr = run_copy(source, target)
                self.assertEqual(2, code)
                self.assertIn(sentence, stderr)
        self.assertEqual(0, self.old.terminate())
        other = Gateway(directory=self.directory("other"), store=self.target).start()
        self.addCleanup(other.stop)
        code, _, stderr = run_copy(self.old.store, self.target)
        self.assertEqual(2, code)
        self.assertRegex(stderr, "A gateway works on a store|is in use by ins_|holds data already")
        self.assertEqual(0, other.terminate())
        code, _, stderr = run_copy(self.old.store, self.target)
        self.assertEqual(2, code)
        self.assertIn("holds data already, of gw_", stderr)

    def test_the_way_back_to_a_file(self):
        finished = self.run_text("/say done")
        self.assertEqual(0, self.old.terminate())
        code, stdout, stderr = run_copy(self.old.store, self.target)
        self.assertEqual((0, ""), (code, stderr), stdout)
        self.target, middle = f"sqlite:{self.folder}/back.db", self.target
        code, stdout, stderr = run_copy(middle, self.target)
        self.assertEqual((0, ""), (code, stderr), stdout)
        self.directory("back")
        new = Gateway(directory=self.folder / "back", store=self.target, token=self.old.token)
        self.addCleanup(new.stop)
        self.use(new.start())
        self.assert_verified(finished["run_id"])
        self.assertEqual("succeeded", self.run_text("hello")["state"])


if __name__ == "__main__":
    unittest.main()
