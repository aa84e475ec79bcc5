"""The system under test: gateway processes on one store, with a fault proxy before and behind each."""
import contextlib
import os
import re
import signal
import subprocess
import time
from typing import NamedTuple

import with_postgres
from fault_proxy import FaultProxy
from gateway import Gateway, Settings, new_token
from store_reader import StoreReader

CONFIG = """lease_ms = {lease_ms}
tool_patience_ms = 60000
worker_slots = 16
allowed_hosts = ["{host}"]
"""


class Door:
    """What a peer needs to know of an instance: the address of the proxy before it, and its token."""

    def __init__(self, instance):
        self.address, self.token = instance.front.address, instance.token


class End(NamedTuple):
    """How a process ended."""
    code: int
    told: signal.Signals | None
    fail_point: str | None

    def is_expected(self):
        if self.told is None:
            return bool(self.fail_point) and self.code == -signal.SIGKILL
        return self.code == (0 if self.told == signal.SIGTERM else -self.told)


class Instance(Gateway):
    """One gateway process at a time, on a data directory of its own."""

    def __init__(self, number, cluster):
        directory = cluster.directory / f"gateway-{number}"
        directory.mkdir(mode=0o700)
        self.number = number
        self.behind = None
        if cluster.server:
            self.behind = FaultProxy(cluster.server.port, watch_commits=True)
            store = re.sub(r":\d+/", f":{self.behind.port}/", cluster.store_url)
        else:
            store = cluster.store_url
        self.front = FaultProxy()
        super().__init__(CONFIG.format(lease_ms=cluster.lease_ms, host=self.front.address), directory=directory,
                         store=store, token=cluster.token)
        self.surroundings = {}  # environment variables of each of its processes
        self.place = []  # a program that puts the process elsewhere
        self.before_command = []  # a program that runs the gateway, and its arguments
        self.program = Settings.before  # what is started next, where it is not the one to test
        self.is_wanted = False
        self.is_stopped = False
        self.ends = []  # of each process: exit code, the signal it got from us, its fail point
        self.fail_point = None

    def command(self):
        program, *arguments = super().command()
        return [*self.place, *self.before_command, self.program or program, *arguments]

    def up(self, fail_point=None, before_command=()):
        """Starts the process; tries again while the store does not answer. `fail_point`: where it is to end by itself; with
        `before_command` that is for another program to see to."""
        self.before_command = list(before_command)
        told = {"GATEHOUSE_FAILPOINT": fail_point} if fail_point and not before_command else {}
        self.environment = {**self.surroundings, **told}
        self.fail_point, self.is_wanted = fail_point, True
        deadline = time.monotonic() + 60
        while True:
            try:
                self.start(timeout=30)
                break
            except AssertionError:
                # Killed at a place on the way to being ready counts as a kill, and a store that is away as no start.
                if fail_point and self.process.returncode == -signal.SIGKILL:
                    self.ends.append(End(-signal.SIGKILL, None, fail_point))
                    self.environment, self.before_command, self.fail_point, fail_point = self.surroundings, [], None, None
                elif time.monotonic() > deadline:
                    raise
        self.program = None
        self.front.target_port = self.port
        return self

    def down(self, how=signal.SIGKILL):
        """Ends the process, and says whether it had not ended before."""
        self.is_wanted = False
        if self.process.poll() is not None:
            return self.note_end()
        self.process.send_signal(how)
        deadline = time.monotonic() + 15
        while self.process.poll() is None and time.monotonic() < deadline:
            self.resume()  # also where it has just come to a fail point that stops it
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.2)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.ends.append(End(self.process.returncode, how, self.fail_point))
        self.process.stdout.close()
        return True

    def note_end(self):
        """The process ended without our doing."""
        if not self.process.stdout.closed:
            self.ends.append(End(self.process.returncode, None, self.fail_point))
            self.process.stdout.close()
        return False

    def pause(self):
        self.is_stopped = True
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.is_stopped = False
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)

    def proxies(self):
        return [each for each in (self.front, self.behind) if each]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Cluster:
    """`count` instances on one store below `directory`."""

    def __init__(self, directory, store, count, lease_ms, server=None):
        self.directory, self.store, self.lease_ms, self.server = directory, store, lease_ms, server
        self.token = new_token()
        if store == "postgres":
            Settings.databases += 1
            self.database = f"chaos_{os.getpid()}_{Settings.databases}"
            self.store_url = server.create_database(self.database)
        else:
            self.store_directory = directory / "store"
            self.store_directory.mkdir(mode=0o700)
            self.store_url = f"sqlite:{self.store_directory}/gatehouse.db"
        self.reader = StoreReader(self.store_url)
        self.instances = [Instance(number, self) for number in range(1, count + 1)]

    def start(self):
        for each in self.instances:
            each.up()

    def revive(self):
        """Starts again what ended without being told to, and wakes who stopped at a fail point since."""
        for each in self.instances:
            if each.fail_point and ":stop:" in each.fail_point:
                each.resume()
        fallen = [each for each in self.instances if each.is_wanted and not each.is_running()]
        for each in fallen:
            each.note_end()
            each.up()

    def heal(self):
        """Every process runs, every connection is passed on, the store answers."""
        for each in self.instances:
            for proxy in each.proxies():
                proxy.heal()
            if each.is_stopped:
                each.resume()
        if self.server and self.server.process.poll() is not None:
            self.server.start()
        for each in self.instances:
            if not each.is_running():
                each.note_end()
                each.up()

    def stop_postgres(self):
        """As a crash of the server: no checkpoint, no goodbye."""
        self.server.process.send_signal(signal.SIGQUIT)
        self.server.process.wait(30)

    def leader(self):
        """The instance whose scheduler works; any where none does."""
        found = self.reader.rows("SELECT address FROM instances JOIN scheduler_leader USING (instance_id)")
        address = found[0]["address"] if found else None
        return next((each for each in self.instances if each.address == address), self.instances[0])

    def terminate_backends(self, random):
        """Ends some of the gateways' sessions at the server."""
        found = self.reader.rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                                 "AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY pid")
        chosen = [each["pid"] for each in found if random.random() < 0.5]
        if chosen:
            self.reader.rows("SELECT pg_terminate_backend(pid) AS ended FROM unnest(ARRAY"
                             f"{chosen}::int[]) AS pid")
        return len(chosen)

    @contextlib.contextmanager
    def idle_transactions(self):
        """Who has read here and who has written in another database of the server, and neither comes to an end."""
        other = self.server.create_database(f"{self.database}_other")
        here = self._begin(self.store_url, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM runs;")
        there = self._begin(other, "CREATE TABLE written (n INT); BEGIN; INSERT INTO written VALUES (1); SELECT 1;")
        try:
            yield
        finally:
            for each in (here, there):
                each.communicate("ROLLBACK;")

    @staticmethod
    def _begin(url, text):
        """A session in which this was done: its last statement gives a row."""
        session = subprocess.Popen([with_postgres.program("psql"), "-XAtq", "-d", url], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        session.stdin.write(text + "\n")
        session.stdin.flush()
        assert session.stdout.readline().strip().isdigit(), f"{url} does not take {text}"
        return session

    def stop(self):
        """Ends everything, cleanly where that is possible; the exit codes of what ran."""
        codes = []
        for each in self.instances:
            if each.is_running():
                each.down(signal.SIGTERM)
                codes.append(each.process.returncode)
            for proxy in each.proxies():
                proxy.close()
        return codes


def fail_point_names(gatehouse):
    """The places that this build of the gateway can be killed at; none in a release."""
    done = subprocess.run([gatehouse, "--version"], env={"GATEHOUSE_FAILPOINT": "list"}, capture_output=True, text=True,
                          check=True)
    return [line for line in done.stdout.splitlines() if re.fullmatch(r"[a-z_]+\.[a-z_]+", line)]
