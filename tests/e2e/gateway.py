"""The gateway as a process: started, told, killed; and what can be asked of it over HTTP."""
import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import with_postgres  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


class Settings:
    """What run.py was told; the same for all tests of a process."""
    gatehouse = os.environ.get("GATEHOUSE_BINARY", str(ROOT / "build/debug/gatehouse"))
    before = None  # another program, which the chaos runs begin with
    store = os.environ.get("GATEHOUSE_TEST_STORE", "sqlite")
    postgres = None  # a with_postgres.Server where store is postgres
    pooled = False  # behind PgBouncer
    databases = 0


def new_token():
    return "gth_" + secrets.token_urlsafe(32)


def new_store_url(directory):
    """A store that nobody has used: a file below `directory`, or a database of the private server."""
    if Settings.store == "sqlite":
        return f"sqlite:{directory}/gatehouse.db"
    Settings.databases += 1
    return Settings.postgres.create_database(f"e2e_{os.getpid()}_{Settings.databases}")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:500]!r}"


class Gateway:
    """One data directory and its store; at most one process at a time."""

    def __init__(self, config=None, arguments=(), environment=None, directory=None, store=None, token=None):
        self.directory = Path(directory or tempfile.mkdtemp(prefix="gatehouse-e2e-"))
        self.store = store or new_store_url(self.directory)
        self.token = token or new_token()
        self.arguments = list(arguments)
        self.environment = environment or {}
        self.process = None
        self.host, self.port = "127.0.0.1", 0
        self.log_path = self.directory.with_suffix(".log")
        if config is not None:
            (self.directory / "gatehouse.toml").write_text(config, encoding="utf-8")
            self.arguments += ["--config", str(self.directory / "gatehouse.toml")]

    # --- the process

    def command(self):
        return [Settings.gatehouse, "serve", "--data", str(self.directory), "--listen", f"{self.host}:{self.port}",
                *self.arguments]

    def child_environment(self):
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory), "LANG": "C.UTF-8",
                "GATEHOUSE_ADMIN_TOKEN": self.token, "GATEHOUSE_STORE": self.store, **self.environment}

    def start(self, timeout=20):
        """Starts the process and waits until it says that it is ready; a restart takes the same port again."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=self.child_environment(), preexec_fn=lambda: with_postgres.die_with_parent(signal.SIGKILL))
        timer = threading.Timer(timeout, self.process.kill)
        timer.start()
        line = self.process.stdout.readline().decode()
        timer.cancel()
        if not line:
            raise AssertionError(f"the gateway ended with {self.process.wait()} before it was ready:\n{self.log()}")
        self.ready = json.loads(line)
        assert self.ready["event"] == "ready", line
        self.address = self.ready["address"]
        self.port = int(self.address.rsplit(":", 1)[1])
        self.pid = self.process.pid
        return self

    def run_to_end(self, timeout=20):
        """Starts the process where it is expected to refuse: its exit code, stdout, stderr."""
        done = subprocess.run(self.command(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=self.child_environment(), timeout=timeout, check=False)
        return done.returncode, done.stdout, done.stderr

    def kill(self):
        """SIGKILL, as a crash; returns when the process is gone."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def terminate(self, timeout=10):
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        status = self.process.wait(timeout)
        self.process.stdout.close()
        return status

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process is not None:
            self.process.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            self.log_path.unlink()

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")[-8000:]

    def memory_bytes(self):
        """Resident memory of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    # --- HTTP

    def request(self, method, path, body=None, headers=None, token="own", timeout=30):
        """One request on a connection of its own. `token` None: without one."""
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        headers = dict(headers or {})
        if token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token if token == 'own' else token}")
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    @contextlib.contextmanager
    def stream(self, path, token="own", headers=None, timeout=20):
        """A GET whose answer is read while it comes."""
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        bearer = {"Authorization": f"Bearer {self.token if token == 'own' else token}"}
        try:
            connection.request("GET", path, headers={**bearer, **(headers or {})})
            answer = connection.getresponse()
            assert answer.status == 200, (answer.status, answer.read())
            yield answer
        finally:
            connection.close()

    def call(self, method, params=None, token="own"):
        """A method over POST /rpc/{method}: its result; raises RpcError for an error."""
        answer = self.request("POST", f"/rpc/{method}", params or {}, token=token)
        if answer.status != 200:
            problem = answer.json
            raise RpcError({"code": problem["code"], "message": problem.get("detail", ""), "data": problem.get("data", {})})
        return answer.json

    def raw(self, data, timeout=10, until_closed=True):
        """Sends bytes as they are and returns what comes back until the connection ends or a whole answer stands."""
        host, port = self.address.rsplit(":", 1)
        received = b""
        with socket.create_connection((host, int(port)), timeout=timeout) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)
            try:
                while True:
                    piece = connection.recv(65536)
                    if not piece:
                        break
                    received += piece
                    if not until_closed and b"\r\n\r\n" in received:
                        break
            except ConnectionError:
                pass
        return received


class RpcError(Exception):
    """A JSON-RPC error object."""

    def __init__(self, error):
        super().__init__(json.dumps(error))
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data") or {}
        self.details = self.data.get("details")
