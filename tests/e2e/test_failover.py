"""The server of the store dies and its standby takes over; then the old one comes back."""
import contextlib
import os
import shutil
import tempfile
import unittest

from gateway import Gateway, RpcError, Settings
from peer import client

import with_postgres


@unittest.skipIf(Settings.store == "sqlite" or Settings.pooled, "two servers that the gateway knows")
class Failover(unittest.TestCase):
    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.primary = stack.enter_context(with_postgres.private_server())
        directory = tempfile.mkdtemp(prefix="gatehouse-pg-")
        self.addCleanup(shutil.rmtree, directory, True)
        if self.primary.account is not None:
            os.chown(directory, self.primary.account.pw_uid, self.primary.account.pw_gid)
        self.primary.create_database("gatehouse")
        self.standby = self.primary.standby(directory)
        stack.callback(self.standby.stop)
        self.standby.start()
        hosts = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        self.gateway = Gateway(store=f"postgresql://gatehouse@{hosts}/gatehouse")
        self.addCleanup(self.gateway.stop)
        self.gateway.start()
        self.admin = client(self.gateway)
        self.addCleanup(self.admin.close)

    def run_text(self, text):
        """A run to its end, asked for until it is taken; the key makes it one."""
        for _ in range(30):
            with contextlib.suppress(RpcError):
                run = self.admin.call("run.start", {"input": {"text": text}, "idempotency_key": f"{self.id()}-{text[-9:]}"})
                done = self.admin.call("run.get", {"run_id": run["run_id"], "wait_ms": 20000}, timeout=40)
                self.assertEqual("succeeded", done["state"], done)
                return run["run_id"]
        raise AssertionError("the store did not come back:\n" + self.gateway.log())

    def head(self):
        subscribed = self.admin.call("events.subscribe", {"topics": ["runs"]})
        self.admin.call("events.unsubscribe", {"subscription_id": subscribed["subscription_id"]})
        return subscribed["cursor"]

    def catch_up(self):
        """Returns when the standby has all that the primary has."""
        head = self.primary.query("SELECT pg_current_wal_insert_lsn()")
        while self.standby.query(f"SELECT pg_last_wal_replay_lsn() >= '{head}'") != "t":
            pass

    def cut_standby_off(self):
        self.standby.query("ALTER SYSTEM SET primary_conninfo = ''")
        self.standby.query("SELECT pg_reload_conf()")
        while self.standby.query("SELECT count(*) FROM pg_stat_wal_receiver") != "0":
            pass

    def test_what_the_standby_has_goes_on_and_what_it_lacks_is_said_to_be_lost(self):
        kept = self.run_text("/say kept")
        at_kept = self.head()
        self.catch_up()
        self.cut_standby_off()
        self.run_text("/say lost")
        at_lost = self.head()
        self.primary.kill()
        self.standby.promote()
        after = self.run_text("/say after")
        self.assertEqual("succeeded", self.admin.call("run.get", {"run_id": kept})["state"])
        with self.assertRaises(RpcError) as caught:
            self.admin.call("events.subscribe", {"topics": ["runs"], "after": at_lost})
        self.assertEqual(-32014, caught.exception.code)
        self.assertEqual("tail_lost", caught.exception.details["reason"])
        self.admin.call("events.subscribe", {"topics": ["runs"], "after": at_kept})
        self.admin.wait_for_event("run.state_changed", lambda p: p["run_id"] == after and p["to"] == "succeeded")

        # The old primary comes back and takes writes, and it stands first in the URL; the gateway's connections break.
        self.primary.start()
        self.standby.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatehouse'")
        later = self.run_text("/say later")
        for server, there in ((self.primary, "0"), (self.standby, "1")):
            self.assertEqual(there, server.query(f"SELECT count(*) FROM runs WHERE run_id = '{later}'", "gatehouse"))

    def test_with_a_synchronous_standby_nothing_acknowledged_is_lost(self):
        self.primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.query("SELECT pg_reload_conf()")
        cursor = self.head()
        runs = [self.run_text(f"/say number {n}") for n in range(5)]
        self.primary.kill()
        self.standby.promote()
        runs.append(self.run_text("/say number 5"))
        for run in runs:
            self.assertEqual("succeeded", self.admin.call("run.get", {"run_id": run})["state"])
            self.assertTrue(self.admin.call("run.verify", {"run_id": run})["ok"])
        self.admin.call("events.subscribe", {"topics": ["runs"], "after": cursor})
        for run in runs:
            self.admin.wait_for_event("run.state_changed", lambda p, r=run: p["run_id"] == r and p["to"] == "succeeded")

    def test_who_stops_waiting_for_a_synchronous_standby_has_not_acknowledged(self):
        self.primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.query("SELECT pg_reload_conf()")
        self.run_text("/say before")
        self.cut_standby_off()
        waiting = "FROM pg_stat_activity WHERE application_name = 'gatehouse' AND wait_event = 'SyncRep'"
        start = {"input": {"text": "/say it"}, "idempotency_key": self.id()}
        asked = self.admin.begin("run.start", start)
        while self.primary.query("SELECT count(*) FROM runs", "gatehouse") != "2":
            self.primary.query(f"SELECT count(pg_cancel_backend(pid)) {waiting}")
        while self.primary.query(f"SELECT count(*) {waiting}") == "0":
            pass
        self.primary.kill()
        self.standby.promote()
        try:
            run = self.admin.finish(asked, timeout=40)
        except RpcError:
            run = self.admin.call("run.start", start, timeout=40)
        done = self.admin.call("run.get", {"run_id": run["run_id"], "wait_ms": 20000}, timeout=40)
        self.assertEqual("succeeded", done["state"], done)
