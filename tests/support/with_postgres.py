#!/usr/bin/env python3
"""Runs a command while a private PostgreSQL server runs beside it.

    with_postgres.py [--] COMMAND [ARGUMENT ...]

The server lives in a temporary directory, listens on a free loopback port and on no other address, runs as an
unprivileged user and ends with the command, whatever way that ends. The command finds it in GATEHOUSE_TEST_POSTGRES, a
URL of a database whose role may create further databases. Python programs use `private_server` instead.
"""
import contextlib
import ctypes
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


def program(name):
    """The newest installed server program of that name."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda path: int(path.split("/")[4]))
    path = found[-1] if found else shutil.which(name)
    if not path:
        sys.exit(f"with_postgres: {name} was not found; run ./dev setup, or install Debian's package postgresql-15.")
    return path


def server_account():
    """The account the server runs as: ours, or, since it refuses root, that of Debian's package."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    sys.exit("with_postgres: neither the user postgres nor nobody exists, and the server refuses to run as root.")


def die_with_parent(by=signal.SIGINT):
    """In the child, before exec: when the thread that started it ends, it gets `by` (SIGINT: the server's fast stop)."""
    ctypes.CDLL(None, use_errno=True).prctl(1, by)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server. `url` names the database `postgres` of it."""

    def __init__(self, directory, port, account, durable=False):
        self.directory, self.port, self.account, self.durable = directory, port, account, durable
        self.process = None
        self.addresses = ["127.0.0.1"]
        self.url = f"postgresql://gatehouse@127.0.0.1:{port}/postgres"

    def as_account(self):
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def command(self, arguments):
        return subprocess.run(
            arguments, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False, **self.as_account())

    def initialise(self):
        made = self.command([program("initdb"), "-D", f"{self.directory}/data", "-U", "gatehouse", "-A", "trust",
                             "-E", "UTF8", "--locale=C", "--no-sync"])
        if made.returncode != 0:
            sys.exit(f"with_postgres: initdb failed:\n{made.stdout}")

    def start(self):
        with open(f"{self.directory}/log", "ab") as log:
            self.process = subprocess.Popen(
                [program("postgres"), "-D", f"{self.directory}/data", "-p", str(self.port), "-k", self.directory,
                 "-c", f"listen_addresses={','.join(self.addresses)}", "-c", "max_connections=200", "-c", "shared_buffers=64MB",
                 # What is killed here are processes, not machines: the system's own cache outlives them.
                 *([] if self.durable else ["-c", "fsync=off", "-c", "full_page_writes=off"])],
                cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with_parent, **self.as_account())
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if self.command([program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0:
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)
        with open(f"{self.directory}/log", encoding="utf-8") as log:
            sys.exit(f"with_postgres: the server did not start:\n{log.read()}")

    @contextlib.contextmanager
    def listening_at(self, address, network):
        """At one more address, for whoever comes from that network. It is started anew for that."""
        self.stop()
        self.addresses.append(address)
        with open(f"{self.directory}/data/pg_hba.conf", "a", encoding="ascii") as file:
            file.write(f"host all all {network} trust\n")
        self.start()
        try:
            yield
        finally:
            self.addresses.remove(address)

    def standby(self, directory):
        """A Server that follows this one, not started yet."""
        other = Server(directory, free_port(), self.account)
        made = self.command([program("pg_basebackup"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "gatehouse",
                             "-D", f"{directory}/data", "-R", "-c", "fast", "--no-sync"])
        if made.returncode != 0:
            raise RuntimeError(f"pg_basebackup: {made.stdout}")
        return other

    def promote(self):
        """Ends following; returns when this server takes writes."""
        done = self.command([program("pg_ctl"), "promote", "-D", f"{self.directory}/data", "-w"])
        if done.returncode != 0:
            raise RuntimeError(f"pg_ctl promote: {done.stdout}")

    def query(self, text, database="postgres"):
        """One value, as text."""
        done = self.command([program("psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "gatehouse", "-XAtq",
                             "-c", text, database])
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stdout}")
        return done.stdout.strip()

    def kill(self):
        """The server and all its children end at once, as in a crash."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)
        self.process = None

    def create_database(self, name):
        """Makes a database of that name and returns its URL."""
        made = self.command([program("createdb"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "gatehouse", name])
        if made.returncode != 0:
            raise RuntimeError(f"createdb {name}: {made.stdout}")
        return f"postgresql://gatehouse@127.0.0.1:{self.port}/{name}"

    def stop(self):
        if self.process is None:
            return
        # Fast, then immediate: who kills the server alone leaves its children with its memory.
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self.process.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
                break
        self.process = None


class Pooler:
    """PgBouncer in transaction mode before a Server; it makes databases as that does."""

    def __init__(self, server):
        self.server, self.port = server, free_port()
        settings = f"{server.directory}/pgbouncer.ini"
        with open(settings, "w", encoding="utf-8") as file:
            file.write(f"[databases]\n* = host=127.0.0.1 port={server.port} user=gatehouse\n"
                       f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
                       "auth_type = any\npool_mode = transaction\nmax_client_conn = 1000\ndefault_pool_size = 20\n")
        self.log = open(f"{server.directory}/pgbouncer.log", "ab")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            [shutil.which("pgbouncer", path="/usr/sbin:/usr/bin") or "pgbouncer", "-q", settings], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, preexec_fn=die_with_parent, **server.as_account())
        ready = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"]
        while server.command(ready).returncode != 0 and self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)

    def __getattr__(self, name):
        return getattr(self.server, name)

    def create_database(self, name):
        self.server.create_database(name)
        return f"postgresql://gatehouse@127.0.0.1:{self.port}/{name}?pooler=transaction"

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


@contextlib.contextmanager
def private_server(durable=False):
    """A server for as long as the context lasts; `durable`: its commits reach the disk, for measurements."""
    directory = tempfile.mkdtemp(prefix="gatehouse-pg-")
    account = server_account()
    if account is not None:
        os.chown(directory, account.pw_uid, account.pw_gid)
    server = Server(directory, free_port(), account, durable)
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def main(arguments):
    if arguments and arguments[0] == "--":
        arguments = arguments[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with private_server() as server:
        return subprocess.run(
            arguments, env={**os.environ, "GATEHOUSE_TEST_POSTGRES": server.url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
