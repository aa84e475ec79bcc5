"""Stopping, crashing and starting again, and the words for what can't start."""
import json
import os
import socket
import sqlite3
import stat
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

import with_postgres
from gateway import Gateway, RpcError, Settings
from peer import Ledger, client, pair, reconnect
from scenario import Scenario

import canonical

ACT = "node__test__act"


class CrashScene(Scenario):
    """A node with a ledger, and how everybody comes back after a crash."""

    def setUp(self):
        super().setUp()
        self.ledger = Ledger(self.gateway.directory)
        self.node, self.device = pair(self.gateway, self.admin, self.ledger)

    def tearDown(self):
        self.admin.call("node.revoke", {"node": self.device.id})
        self.node.close()

    def crash(self):
        """Kills the gateway, starts it again, and connects everybody again."""
        self.gateway.kill()
        self.restart()

    def restart(self):
        self.admin.abort()
        self.node.abort()
        self.gateway.start()
        self.admin = client(self.gateway)
        self.addCleanup(self.admin.close)
        self.node = reconnect(self.gateway, self.device, self.ledger, self.node.memory)

    def allow_all(self):
        self.admin.call("policy.put", {"rules": [{"effect": "allow", "tool": "*"}]})

    def assert_once_each(self, run_id, keys):
        items = self.assert_verified(run_id)
        acted = [e["argument"] for e in self.ledger.entries() if e["argument"] in keys]
        self.assertEqual(sorted(keys), sorted(acted), "each effect exactly once")
        outputs = [i["payload"]["step_id"] for i in items if i["kind"] == "tool_output"]
        self.assertEqual(len(outputs), len(set(outputs)), "one outcome for each step")


class CrashTest(CrashScene):
    """kill -9 and a new start on the same store: nothing acknowledged is lost, no finished step is repeated."""

    def test_an_approval_survives_and_is_answered_afterwards(self):
        self.admin.call("policy.put", {"rules": []})
        run_id = self.start_run(f'/call {ACT} {{"key":"survives"}}')["run_id"]
        self.wait_run(run_id, "waiting")
        approval = self.pending_approval(run_id)
        before = self.tape_of(run_id)
        self.crash()
        self.assertEqual("waiting", self.admin.call("run.get", {"run_id": run_id})["state"])
        self.assertEqual(approval, self.pending_approval(run_id))
        other = client(self.gateway)
        self.addCleanup(other.close)
        other.call("approval.resolve", {"approval_id": approval["approval_id"], "decision": "approve"})
        self.wait_run(run_id)
        self.assertEqual(before, self.tape_of(run_id)[:len(before)])
        self.assert_once_each(run_id, ["survives"])

    def test_killed_during_a_node_call_it_asks_again_under_the_same_key(self):
        self.allow_all()
        run_id = self.start_run(f'/call {ACT} {{"key":"before"}}\n/call node__test__hang {{}}\n/call {ACT} {{"key":"after"}}')["run_id"]
        first = self.node.wait_until(lambda: next(
            (r["params"] for r in self.node.requests if r["params"].get("operation") == "hang"), None), "the call")
        self.gateway.kill()
        self.restart()
        second = self.node.wait_until(lambda: next(
            (r["params"] for r in self.node.requests if r["params"].get("operation") == "hang"), None), "the call again")
        self.assertEqual(first["idempotency_key"], second["idempotency_key"])
        self.assertGreater(second["lease_epoch"], first["lease_epoch"])
        self.node.released.set()
        self.wait_run(run_id)
        self.assert_once_each(run_id, ["before", "after"])

    def test_killed_at_many_moments_runs_go_on_and_repeat_nothing(self):
        self.allow_all()
        for point in range(12):
            with self.subTest(point=point):
                keys = [f"{point}-{n}" for n in range(6)]
                text = "\n".join(f'/call {ACT} {{"key":"{key}"}}' for key in keys)
                killed = threading.Event()
                seen = iter(range(1000))

                def kill_at(params, at=point // 2, before=point % 2, killed=killed, seen=seen):
                    if params["operation"] == "act" and next(seen) == at and not killed.is_set() and before:
                        killed.set()
                        self.gateway.process.kill()
                self.node.on_invoke = kill_at
                run_id = self.start_run(text, idempotency_key=f"kill-{point}")["run_id"]
                if point % 2 == 0:
                    self.wait_for_effect(keys[point // 2])
                    self.gateway.process.kill()
                self.gateway.process.wait(20)
                self.gateway.process.stdout.close()
                self.node.on_invoke = None
                self.restart()
                self.assertEqual(run_id, self.start_run(text, idempotency_key=f"kill-{point}")["run_id"])
                self.wait_run(run_id)
                self.assert_once_each(run_id, keys)

    def wait_for_effect(self, key):
        self.node.wait_until(
            lambda: any(e["argument"] == key for e in self.ledger.entries()) or self.node.closed, f"effect {key}")

    def test_killed_in_a_turn_the_turn_is_taken_again(self):
        run_id = self.start_run("/sleep 1500\n/say done")["run_id"]
        subscription = self.admin.call("run.subscribe", {"run_id": run_id})["subscription_id"]
        self.admin.wait_until(lambda: any(i["kind"] == "provider_request" for i in self.admin.tape_items(subscription)), "the turn")
        self.crash()
        self.assertIn("done", self.wait_run(run_id)["output"]["text"])
        self.assert_verified(run_id)

    def test_killed_under_load_every_acknowledged_run_finishes_once(self):
        acknowledged, stop = [], threading.Event()

        def keep_starting(worker):
            try:
                peer = client(self.gateway)
                for n in range(10_000):
                    if stop.is_set():
                        return
                    acknowledged.append(peer.call("run.start", {
                        "session_key": f"load-{worker}-{n % 3}", "input": {"text": f"{worker} {n}"}})["run_id"])
            except Exception:
                return
        for _ in range(3):
            count = len(acknowledged)
            workers = [threading.Thread(target=keep_starting, args=(n,)) for n in range(4)]
            for worker in workers:
                worker.start()
            self.admin.call("events.subscribe", {"topics": ["runs"]})
            self.admin.wait_until(lambda c=count: len(acknowledged) > c + 40, "load")
            self.gateway.kill()
            for worker in workers:
                worker.join()
            self.restart()
        for run_id in acknowledged:
            self.wait_run(run_id, timeout_s=30)
        for run_id in acknowledged[::10]:
            self.assert_verified(run_id)

    def test_events_resume_over_a_restart(self):
        watcher = client(self.gateway)
        cursor = watcher.call("events.subscribe", {"topics": ["runs"]})["cursor"]
        before = [self.start_run(f"{n}")["run_id"] for n in range(5)]
        for run_id in before:
            watcher.wait_for_event("run.state_changed", lambda p, r=run_id: p["run_id"] == r and p["to"] == "succeeded")
        first = {e["event_id"] for e in watcher.events() if not e.get("ephemeral")}
        watcher.abort()
        self.crash()
        after = [self.start_run(f"{n}")["run_id"] for n in range(5)]
        watcher = client(self.gateway)
        self.addCleanup(watcher.close)
        watcher.call("events.subscribe", {"topics": ["runs"], "after": cursor})
        for run_id in before + after:
            watcher.wait_for_event("run.state_changed", lambda p, r=run_id: p["run_id"] == r and p["to"] == "succeeded")
        ids = [e["event_id"] for e in watcher.events() if not e.get("ephemeral")]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertLessEqual(first, set(ids))

    def test_idempotency_outlives_a_restart(self):
        params = {"session_key": "idem", "input": {"text": "x"}, "idempotency_key": "over a restart"}
        first = self.admin.call("run.start", params)
        self.crash()
        self.assertEqual(first, self.admin.call("run.start", params))
        self.assert_refused(-32012, self.admin.call, "run.start", {**params, "input": {"text": "y"}})

    def test_identity_outlives_a_restart(self):
        gateway_id, instance_id = self.gateway.ready["gateway_id"], self.gateway.ready["instance_id"]
        self.crash()
        self.assertEqual(gateway_id, self.gateway.ready["gateway_id"])
        self.assertNotEqual(instance_id, self.gateway.ready["instance_id"])


class OutcomeTest(CrashScene):
    """A started effect without a kept answer is a person's to decide, never repeated silently."""

    def begin_unknown(self, key):
        self.allow_all()
        forgotten = threading.Event()

        def forget(params):
            if params["operation"] == "act" and not forgotten.is_set():
                forgotten.set()
                self.node.memory["started"].add(params["idempotency_key"])
                self.gateway.process.kill()
        self.node.on_invoke = forget
        run_id = self.start_run(f'/call {ACT} {{"key":"{key}"}}\n/say after')["run_id"]
        self.gateway.process.wait(20)
        self.gateway.process.stdout.close()
        self.node.on_invoke = None
        self.restart()
        self.wait_run(run_id, "waiting")
        approval = self.pending_approval(run_id)
        self.assertEqual("outcome", approval["kind"])
        self.assert_refused(-32602, self.admin.call, "approval.resolve",
                            {"approval_id": approval["approval_id"], "decision": "perhaps"})
        return run_id, approval["approval_id"]

    def test_retry_skip_and_fail(self):
        for decision, state, effects in (("retry", "succeeded", 1), ("skip", "succeeded", 0), ("fail", "failed", 0)):
            with self.subTest(decision=decision):
                key = f"unknown-{decision}"
                run_id, approval_id = self.begin_unknown(key)
                self.admin.call("approval.resolve", {"approval_id": approval_id, "decision": decision})
                run = self.wait_run(run_id, "succeeded", "failed")
                self.assert_verified(run_id)
                self.assertEqual(effects, len([e for e in self.ledger.entries() if e["argument"] == key]))
                if decision != "fail":
                    self.assertEqual(state, run["state"])


class StopTest(unittest.TestCase):
    def test_sigterm_tells_peers_and_exits_with_0_in_time(self):
        gateway = Gateway().start()
        self.addCleanup(gateway.stop)
        peers = [client(gateway) for _ in range(5)]
        run_id = peers[0].call("run.start", {"input": {"text": "/sleep 2000\n/say survived"}})["run_id"]
        waiting = peers[1].begin("run.get", {"run_id": run_id, "wait_ms": 60_000})
        self.assertEqual(0, gateway.terminate(timeout=5))
        for peer in peers:
            self.assertEqual(1001, peer.wait_for_close(timeout=1).code)
        del waiting
        gateway.start()
        again = client(gateway)
        self.addCleanup(again.close)
        run = again.call("run.get", {"run_id": run_id, "wait_ms": 20_000}, timeout=30)
        self.assertEqual("succeeded", run["state"])

    def test_sigint_is_the_same(self):
        gateway = Gateway().start()
        self.addCleanup(gateway.stop)
        gateway.process.send_signal(2)
        self.assertEqual(0, gateway.process.wait(5))

    def test_ready_is_one_line_and_the_rest_goes_to_stderr(self):
        gateway = Gateway().start()
        self.addCleanup(gateway.stop)
        self.assertEqual({"event", "address", "gateway_id", "instance_id"}, set(gateway.ready))
        gateway.process.terminate()
        self.assertEqual(b"", gateway.process.stdout.read())
        gateway.process.wait(5)

    def test_an_idle_gateway_opens_its_own_token_once(self):
        gateway = Gateway()
        self.addCleanup(gateway.stop)
        gateway.environment["GATEHOUSE_ADMIN_TOKEN"] = ""
        real = gateway.child_environment()
        del real["GATEHOUSE_ADMIN_TOKEN"]
        gateway.child_environment = lambda: real
        gateway.start()
        path = gateway.directory / "admin.token"
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        gateway.token = path.read_text(encoding="ascii").strip()
        self.assertRegex(gateway.token, r"^gth_[A-Za-z0-9_-]{43}$")
        self.assertIn(gateway.token, gateway.log())
        client(gateway).close()
        gateway.terminate()
        gateway.log_path.unlink()
        gateway.start()
        self.assertNotIn(gateway.token, gateway.log())
        client(gateway).close()

    def test_files_of_the_gateway_are_its_own(self):
        gateway = Gateway(directory=Path(tempfile.mkdtemp(prefix="gatehouse-e2e-")) / "data")
        self.addCleanup(gateway.stop)
        gateway.start()
        self.assertEqual(0o700, stat.S_IMODE(gateway.directory.stat().st_mode))
        for path in gateway.directory.rglob("*"):
            self.assertEqual(0, path.stat().st_mode & 0o077, path)


class StoreAwayTest(unittest.TestCase):
    def test_a_postgres_that_restarts_is_not_the_gateways_end(self):
        if Settings.store != "postgres":
            self.skipTest("a server")
        gateway = Gateway().start()
        self.addCleanup(gateway.stop)
        done = gateway.request("POST", "/rpc/run.start", {"input": {"text": "before"}}).json
        Settings.postgres.stop()
        try:
            answer = gateway.request("POST", "/rpc/run.start", {"input": {"text": "meanwhile"}})
            self.assertEqual(503, answer.status, answer)
        finally:
            Settings.postgres.start()
        key = {"input": {"text": "after"}, "idempotency_key": "after"}
        for _ in range(20):
            answer = gateway.request("POST", "/rpc/run.start", key)
            if answer.status == 200:
                break
        self.assertEqual(200, answer.status, answer)
        for run in (done["run_id"], answer.json["run_id"]):
            ended = gateway.request("POST", "/rpc/run.get", {"run_id": run, "wait_ms": 20000})
            self.assertEqual("succeeded", ended.json["state"])


class RefusedStart(unittest.TestCase):
    """How a refusal looks: one sentence that says what and what to do, exit code 2."""

    def setUp(self):
        self.gateway = Gateway()
        self.addCleanup(self.gateway.stop)

    def refused(self, *words, gateway=None):
        code, out, error = (gateway or self.gateway).run_to_end()
        self.assertEqual(2, code, error)
        self.assertEqual("", out)
        lines = [line for line in error.splitlines() if line.strip()]
        self.assertEqual(1, len(lines), error)
        for word in words:
            self.assertIn(word.lower(), lines[0].lower())
        return lines[0]


class RefusedStartTest(RefusedStart):
    def configured(self, text, name="gatehouse.toml"):
        path = self.gateway.directory / name
        path.write_text(text, encoding="utf-8")
        self.gateway.arguments = ["--config", str(path)]
        return path

    def test_a_taken_port(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.gateway.port = taken.getsockname()[1]
            self.refused(str(self.gateway.port))

    def test_a_second_process_on_the_same_directory(self):
        self.gateway.start()
        second = Gateway(directory=self.gateway.directory, store=self.gateway.store, token=self.gateway.token)
        self.refused(str(self.gateway.directory), gateway=second)
        client(self.gateway).close()

    def test_a_second_directory_on_the_same_store(self):
        if Settings.store != "sqlite":
            self.skipTest("several processes share a PostgreSQL")
        elsewhere = f"sqlite:{tempfile.mkdtemp(dir=self.gateway.directory)}/shared.db"
        first, second = Gateway(store=elsewhere), Gateway(store=elsewhere)
        self.addCleanup(first.stop)
        self.addCleanup(second.stop)
        first.start()
        self.refused("shared.db", "--store", gateway=second)

    def test_a_second_directory_on_the_store_of_another(self):
        if Settings.store != "sqlite":
            self.skipTest("several processes share a PostgreSQL")
        self.gateway.start()
        own = next(self.gateway.directory.rglob("gatehouse.db"))
        link = f"{tempfile.mkdtemp(dir=self.gateway.directory)}/linked.db"
        os.symlink(own, link)
        for store in (own, link):
            second = Gateway(store=f"sqlite:{store}")
            self.addCleanup(second.stop)
            self.refused(str(store), "--store", gateway=second)

    def test_a_proxy_that_is_no_address(self):
        for address in ("nonsense", ""):
            self.gateway.arguments = ["--behind-proxy", address]
            self.refused("--behind-proxy")

    def test_an_unreadable_configuration(self):
        self.gateway.arguments = ["--config", str(self.gateway.directory / "absent.toml")]
        self.refused("absent.toml")
        self.gateway.arguments = ["--config", str(self.gateway.directory)]
        self.refused(str(self.gateway.directory))

    def test_broken_toml_is_told_with_its_line(self):
        self.configured("a = 1\nb = = 2\n")
        self.refused("gatehouse.toml", "2")

    def test_an_unknown_key_is_told_with_its_line_and_the_nearest_right_one(self):
        self.configured("# first\n\nlistenn = \"127.0.0.1:0\"\n")
        self.refused("listenn", "3", "listen")

    def test_a_value_of_a_wrong_type_is_told_with_its_path(self):
        self.configured("listen = 17\n")
        self.refused("listen")

    def test_a_listen_address_that_is_not_loopback(self):
        command = self.gateway.command
        for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
            with self.subTest(address=address):
                self.gateway.command = lambda a=address: [
                    a if each.startswith("127.0.0.1:") else each for each in command()]
                self.refused("--behind-proxy")

    def test_a_listen_address_that_is_none(self):
        command = self.gateway.command
        for address in ("nonsense", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:x", ""):
            with self.subTest(address=address):
                self.gateway.command = lambda a=address: [
                    a if each.startswith("127.0.0.1:") else each for each in command()]
                self.refused()

    def test_a_store_that_is_none(self):
        for store in ("mysql://x/y", "nonsense", "sqlite:", "postgresql://["):
            with self.subTest(store=store):
                self.gateway.store = store
                self.refused()

    def test_an_unreachable_postgres(self):
        self.gateway.store = f"postgresql://gatehouse@127.0.0.1:{with_postgres.free_port()}/gatehouse"
        self.refused()

    def test_the_password_of_the_store_is_not_told(self):
        self.gateway.store = f"postgresql://gatehouse:s3cr3tpassw0rd@127.0.0.1:{with_postgres.free_port()}/gatehouse"
        self.assertNotIn("s3cr3tpassw0rd", self.refused())

    def test_unknown_options_and_roles(self):
        for arguments in (["--no-such"], ["--roles", "king"]):
            with self.subTest(arguments=arguments):
                self.gateway.arguments = arguments
                code, out, error = self.gateway.run_to_end()
                self.assertEqual((2, ""), (code, out))
                self.assertTrue(error.strip())

    def test_a_data_directory_that_is_a_file(self):
        command = self.gateway.command
        path = self.gateway.directory / "file"
        path.touch()
        self.gateway.command = lambda: [str(path) if each == str(self.gateway.directory) else each for each in command()]
        self.refused(str(path))

    def test_a_bad_admin_token_in_the_environment(self):
        self.gateway.token = "not a token"
        self.refused("GATEHOUSE_ADMIN_TOKEN")


class DamagedStoreTest(RefusedStart):
    """Nothing is overwritten."""

    def setUp(self):
        super().setUp()
        if Settings.store != "sqlite":
            self.skipTest("files of SQLite")
        self.path = Path(self.gateway.store.removeprefix("sqlite:"))

    def contents(self):
        return self.path.read_bytes()

    def refused_untouched(self, *words):
        before = self.contents()
        self.refused(*words)
        self.assertEqual(before, self.contents(), "the store was written to")

    def test_a_file_that_is_no_database(self):
        self.path.write_bytes(b"this is not a database, but somebody's letter\n" * 200)
        self.refused_untouched(str(self.path))

    def test_a_damaged_database(self):
        self.gateway.start()
        peer = client(self.gateway)
        for n in range(20):
            peer.call("run.start", {"input": {"text": f"{n}"}})
        peer.close()
        self.gateway.terminate()
        data = bytearray(self.contents())
        for at in range(0, len(data), 4096):
            if at:
                data[at:at + 64] = os.urandom(64)
        self.path.write_bytes(data)
        self.refused_untouched(str(self.path))

    def test_a_clean_stop_leaves_the_whole_store_in_its_file(self):
        for _ in range(5):
            self.gateway.start()
            peer = client(self.gateway)
            peer.call("run.start", {"input": {"text": "/say on and on /sleep 60000"}})
            peer.close()
            self.assertEqual(0, self.gateway.terminate())
            left = {file.name for file in self.path.parent.glob(self.path.name + "*")}
        self.assertEqual({self.path.name, self.path.name + ".lock"}, left)

    def test_a_newer_schema(self):
        self.gateway.start()
        self.gateway.terminate()
        database = sqlite3.connect(self.path)
        columns = [row[1] for row in database.execute("PRAGMA table_info(schema_migrations)")]
        self.assertTrue(columns, "there is no table schema_migrations")
        row = list(database.execute("SELECT * FROM schema_migrations ORDER BY 1 DESC LIMIT 1").fetchone())
        row[0] = 9999
        database.execute(f"INSERT INTO schema_migrations VALUES ({','.join('?' * len(columns))})", row)
        database.commit()
        database.close()
        self.refused("newer")

    def test_an_edited_migration(self):
        self.gateway.start()
        self.gateway.terminate()
        database = sqlite3.connect(self.path)
        columns = [row[1] for row in database.execute("PRAGMA table_info(schema_migrations)")]
        checksum = next(name for name in columns if "checksum" in name or "sha" in name or "hash" in name)
        database.execute(f"UPDATE schema_migrations SET {checksum} = 'x'")
        database.commit()
        database.close()
        self.refused("migration")

    def test_somebody_elses_database(self):
        database = sqlite3.connect(self.path)
        database.execute("CREATE TABLE runs(letters TEXT)")
        database.commit()
        database.close()
        self.refused_untouched()


class CommandLineTest(unittest.TestCase):
    """The other commands of the program."""

    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway().start()

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()

    def run_program(self, *arguments, text=None, **environment):
        return subprocess.run(
            [Settings.gatehouse, *arguments], input=text, capture_output=True, text=True, timeout=30, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.gateway.directory), "LANG": "C.UTF-8", **environment})

    def call(self, *arguments, **environment):
        return self.run_program("call", *arguments, GATEHOUSE_URL=f"http://{self.gateway.address}",
                                GATEHOUSE_TOKEN=self.gateway.token, **environment)

    def test_call_prints_the_result(self):
        done = self.call("ping")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual({"server_time"}, set(json.loads(done.stdout)))
        started = json.loads(self.call("run.start", '{"input":{"text":"from the shell"}}').stdout)
        self.assertIn("run_id", started)

    def test_call_tells_errors_and_exits_with_another_code(self):
        for arguments in (("no.such",), ("run.get", '{"run_id":"run_01KAJ7R8B3ZQ4M8Y5V0S1T2W3X"}'), ("ping", "{"), ("ping", "[1]")):
            with self.subTest(arguments=arguments):
                done = self.call(*arguments)
                self.assertNotEqual(0, done.returncode)
                self.assertTrue(done.stderr.strip())

    def test_call_finds_the_token_in_the_data_directory(self):
        (self.gateway.directory / "admin.token").write_text(self.gateway.token + "\n", encoding="ascii")
        done = self.run_program("call", "--data", str(self.gateway.directory), "--gateway",
                                f"http://{self.gateway.address}", "ping")
        self.assertEqual(0, done.returncode, done.stderr)

    def test_nobody_there_is_said_in_a_sentence(self):
        done = self.run_program("call", "ping", GATEHOUSE_URL=f"http://127.0.0.1:{with_postgres.free_port()}",
                                GATEHOUSE_TOKEN=self.gateway.token)
        self.assertNotEqual(0, done.returncode)
        self.assertEqual(1, len(done.stderr.strip().splitlines()), done.stderr)

    def test_help_has_examples_for_every_command(self):
        for command in ([], ["serve"], ["node"], ["call"], ["chat"], ["db"]):
            with self.subTest(command=command):
                done = self.run_program(*command, "--help")
                self.assertEqual(0, done.returncode)
                self.assertIn("gatehouse", done.stdout)
        self.assertIn("xample", self.run_program("call", "--help").stdout)

    def test_chat_streams_an_answer(self):
        done = self.run_program("chat", text="hello from a terminal\n", GATEHOUSE_URL=f"http://{self.gateway.address}",
                                GATEHOUSE_TOKEN=self.gateway.token)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("You said: hello from a terminal", done.stdout)

    def test_db_status_and_migrate(self):
        store = Gateway()
        self.addCleanup(store.stop)
        environment = {"GATEHOUSE_STORE": store.store}
        status = self.run_program("db", "status", "--data", str(store.directory), **environment)
        self.assertIn(status.returncode, (0, 1), status.stderr)
        migrated = self.run_program("db", "migrate", "--data", str(store.directory), **environment)
        self.assertEqual(0, migrated.returncode, migrated.stderr)
        self.assertEqual(0, self.run_program("db", "status", "--data", str(store.directory), **environment).returncode)

    def test_the_reference_node_pairs_and_works(self):
        admin = client(self.gateway)
        self.addCleanup(admin.close)
        root = Path(tempfile.mkdtemp(prefix="gatehouse-node-"))
        (root / "note.txt").write_text("found it", encoding="utf-8")
        invite = admin.call("pairing.invite", {"label": "reference"})["token"]
        process = subprocess.Popen(
            [Settings.gatehouse, "node", "--gateway", f"http://{self.gateway.address}", "--root", str(root), "--data",
             str(root / ".state"), "--label", "reference"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "GATEHOUSE_INVITE": invite, "LANG": "C.UTF-8"})
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        admin.call("events.subscribe", {"topics": ["pairings", "nodes"], "after": admin.connected["cursor"]})
        asked = admin.wait_for_event("pairing.requested")["payload"]
        admin.call("pairing.approve", {"pairing_id": asked["pairing_id"], "allow": ["*"], "label": "reference"})
        admin.wait_for_event("node.online", lambda p: p["device_id"] == asked["device_id"])

        def invoke(capability, operation, arguments):
            return admin.call("node.invoke", {"node": "reference", "capability": capability, "operation": operation,
                                              "arguments": arguments})["result"]
        self.assertTrue(invoke("system", "info", {}))
        self.assertIn("found it", json.dumps(invoke("files", "read", {"path": "note.txt"})))
        self.assertIn("note.txt", json.dumps(invoke("files", "list", {"path": "."})))
        for path in ("../etc/passwd", "/etc/passwd", "a/../../etc/passwd"):
            with self.assertRaises(RpcError):
                invoke("files", "read", {"path": path})
        (root / "link").symlink_to("/etc")
        with self.assertRaises(RpcError):
            invoke("files", "read", {"path": "link/passwd"})
        run = admin.call("run.start", {"input": {"text": '/call node__process__run {"argv":["echo","from a process"]}'}})
        waiting = admin.call("run.get", {"run_id": run["run_id"], "wait_ms": 20_000}, timeout=30)
        self.assertEqual("waiting", waiting["state"])
        admin.call("approval.resolve", {"approval_id": waiting["waiting_on"]["approval_id"], "decision": "approve"})
        done = admin.call("run.get", {"run_id": run["run_id"], "wait_ms": 20_000}, timeout=30)
        self.assertEqual("succeeded", done["state"], done)
        self.assertIn("from a process", done["output"]["text"])
        items = admin.call("run.tape", {"run_id": run["run_id"], "limit": 1000})["items"]
        canonical.check_tape(items)


if __name__ == "__main__":
    unittest.main()
