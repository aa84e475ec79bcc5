"""The proxy passes on what it gets, and fails in the way it is told to."""
import contextlib
import socket
import struct
import sys
import threading
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "support")]
from fault_proxy import CommitWatch, FaultProxy  # noqa: E402

STARTUP = struct.pack(">II", 8, 196608)
SSL_REQUEST = struct.pack(">II", 8, 80877103)


def message(kind, body):
    return kind + struct.pack(">I", len(body) + 4) + body


def query(text):
    return message(b"Q", text + b"\0")


class Echo(threading.Thread):
    """A server that keeps what it gets and sends it back."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.got, self.connections = b"", []
        self.changed = threading.Condition()
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                while data := connection.recv(4096):
                    with self.changed:
                        self.got += data
                        self.changed.notify_all()
                    connection.sendall(data)
            except OSError:
                pass

    def reset(self):
        """Ends all connections as a crashed machine does."""
        for connection in self.connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RD)
            connection.close()

    def wait_for(self, data):
        with self.changed:
            return self.changed.wait_for(lambda: data in self.got, 10)


class CommitWatchTest(unittest.TestCase):
    def test_commits_are_told_from_everything_else(self):
        watch = CommitWatch()
        parse = message(b"P", b"end\0COMMIT\0\0\0")
        bind = message(b"B", b"portal\0end\0" + b"\0" * 6)
        sent = [SSL_REQUEST, STARTUP, query(b"BEGIN"), query(b"COMMIT"), query(b"SELECT 1;INSERT INTO x VALUES (1);COMMIT"),
                query(b"SELECT 'COMMIT' AS said"), parse, bind, message(b"E", b"portal\0\0\0\0\0"),
                message(b"E", b"other\0\0\0\0\0"), query(b"ROLLBACK")]
        commits = [False, False, False, True, True, False, False, False, True, False, False]
        self.assertEqual(list(zip(sent, commits)), watch.feed(b"".join(sent)))

    def test_messages_may_come_in_pieces(self):
        watch, whole = CommitWatch(), STARTUP + query(b"COMMIT")
        pieces = [each for at in range(len(whole)) for each in watch.feed(whole[at:at + 1])]
        self.assertEqual([(STARTUP, False), (query(b"COMMIT"), True)], pieces)


class FaultProxyTest(unittest.TestCase):
    def setUp(self):
        self.echo = Echo()
        self.addCleanup(self.echo.listener.close)
        self.proxy = FaultProxy(self.echo.port, watch_commits=True)
        self.addCleanup(self.proxy.close)

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=10)
        self.addCleanup(connection.close)
        connection.sendall(STARTUP)
        self.assertEqual(STARTUP, connection.recv(100))
        return connection

    def assert_cut(self, connection):
        try:
            self.assertEqual(b"", connection.recv(100))
        except ConnectionError:
            pass

    def test_bytes_are_passed_on(self):
        connection = self.connect()
        connection.sendall(query(b"SELECT 1"))
        self.assertEqual(query(b"SELECT 1"), connection.recv(100))

    def test_cut_ends_what_is_there_and_serves_what_comes(self):
        connection = self.connect()
        self.proxy.cut()
        self.assert_cut(connection)
        self.connect()

    def test_a_reset_is_passed_on(self):
        connection = self.connect()
        self.echo.reset()
        self.assert_cut(connection)

    def test_refuse_lasts_until_the_heal(self):
        self.proxy.refuse()
        with contextlib.suppress(ConnectionError), \
                socket.create_connection(("127.0.0.1", self.proxy.port), timeout=10) as connection:
            self.assert_cut(connection)
        self.proxy.heal()
        self.connect()

    def test_frozen_bytes_come_after_the_heal(self):
        connection = self.connect()
        self.proxy.freeze("peer")
        connection.sendall(query(b"SELECT 2"))
        self.assertNotIn(query(b"SELECT 2"), self.echo.got)
        self.proxy.heal()
        self.assertEqual(query(b"SELECT 2"), connection.recv(100))

    def test_a_lost_answer_means_that_the_commit_arrived(self):
        connection = self.connect()
        self.proxy.cut_next_commits("answer", 1)
        connection.sendall(query(b"COMMIT"))
        self.assert_cut(connection)
        self.assertTrue(self.echo.wait_for(query(b"COMMIT")))
        self.assertEqual({"answer": 1, "commit": 0}, self.proxy.cut_commits)

    def test_a_lost_commit_does_not_arrive(self):
        connection = self.connect()
        self.proxy.cut_next_commits("commit", 1)
        connection.sendall(query(b"SELECT 3") + query(b"COMMIT"))
        self.assertTrue(self.echo.wait_for(query(b"SELECT 3")))
        with contextlib.suppress(ConnectionError):
            while connection.recv(100):
                pass
        self.assertEqual({"answer": 0, "commit": 1}, self.proxy.cut_commits)
        self.assertNotIn(query(b"COMMIT"), self.echo.got)


if __name__ == "__main__":
    unittest.main()
