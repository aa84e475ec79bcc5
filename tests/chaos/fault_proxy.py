"""A TCP proxy that fails on demand: between the gateway and PostgreSQL, or between peers and the gateway."""
import asyncio
import contextlib
import random
import re
import socket
import struct
import threading

COMMIT = re.compile(rb"\bCOMMIT\s*;?\s*$", re.I)
PROTOCOL_3 = 196608


class CommitWatch:
    """Cuts what a PostgreSQL client sends into messages and tells which of them commit. Knows just enough of the
    protocol: simple queries, and extended ones by the text they were parsed from."""

    def __init__(self):
        self.buffer = b""
        self.started = False
        self.committing_statements, self.committing_portals = set(), set()

    def feed(self, data):
        """The whole messages that are there by now, as (bytes, commits)."""
        self.buffer += data
        messages = []
        while True:
            head = 5 if self.started else 4
            if len(self.buffer) < head:
                return messages
            size = struct.unpack(">I", self.buffer[head - 4:head])[0] + head - 4
            if len(self.buffer) < size:
                return messages
            message, self.buffer = self.buffer[:size], self.buffer[size:]
            messages.append((message, self.started and self._commits(message[:1], message[5:])))
            if not self.started:
                self.started = struct.unpack(">I", message[4:8])[0] == PROTOCOL_3

    def _commits(self, kind, body):
        if kind == b"Q":
            return bool(COMMIT.search(body.rstrip(b"\0")))
        if kind == b"P":
            name, text = body.split(b"\0", 2)[:2]
            self._remember(self.committing_statements, name, bool(COMMIT.search(text)))
        elif kind == b"B":
            portal, statement = body.split(b"\0", 2)[:2]
            self._remember(self.committing_portals, portal, statement in self.committing_statements)
        elif kind == b"E":
            return body.split(b"\0", 1)[0] in self.committing_portals
        return False

    @staticmethod
    def _remember(names, name, is_member):
        (names.add if is_member else names.discard)(name)


class Link:
    """One connection through the proxy: the peer that came, and the server behind it."""

    def __init__(self, peer, server):
        self.peer, self.server = peer, server
        self.answers_are_lost = False

    def cut(self):
        """As when a cable is pulled and plugged in again: both ends get a reset."""
        for _, writer in (self.peer, self.server):
            self._reset(writer)

    @staticmethod
    def _reset(writer):
        with contextlib.suppress(OSError):
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    def lose_answers(self):
        """The peer is cut off at once; the server still works on what it has got."""
        self.answers_are_lost = True
        self._reset(self.peer[1])
        self.server[1].write_eof()


class FaultProxy:
    """Listens on a loopback port and passes bytes on to a server, which may be set later. Any thread may call."""

    def __init__(self, target_port=0, watch_commits=False):
        self.target_host, self.target_port, self.source_host = "127.0.0.1", target_port, None
        self.watch_commits = watch_commits
        self.links = set()
        self.refusing = False
        self.delay_s = 0.0
        self.commit_delay_s, self.commit_loss, self.random = 0.0, 0.0, random.Random(0)
        self.cuts = []  # "answer" or "commit" for each COMMIT that is still to be cut
        self.cut_commits = {"answer": 0, "commit": 0}
        self.loop = asyncio.new_event_loop()
        self.passable = {}
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self.thread.start()
        started.wait()
        self.address = f"127.0.0.1:{self.port}"

    # --- faults

    def cut(self):
        """Resets every connection. New ones are served."""
        self._call(lambda: [link.cut() for link in list(self.links)])

    def refuse(self):
        """Resets every connection and each new one, until heal()."""
        self.refusing = True
        self.cut()

    def freeze(self, *directions):
        """Holds back what comes from "peer", from "server" or from both: a half-open connection, until heal()."""
        self._call(lambda: [self.passable[each].clear() for each in directions])

    def slow_down(self, seconds):
        """Delays every piece, until heal()."""
        self.delay_s = seconds

    def cut_next_commits(self, what, times):
        """`answer`: COMMIT reaches the server and its answer nobody. `commit`: COMMIT itself is lost."""
        self._call(lambda: self.cuts.extend([what] * times))

    def roughen_commits(self, delay_s, loss, seed):
        """Each COMMIT takes up to so long, and such a part of them is lost before it arrives, until heal()."""
        self.random = random.Random(seed)
        self.commit_delay_s, self.commit_loss = delay_s, loss

    def heal(self):
        self.refusing, self.delay_s, self.commit_delay_s, self.commit_loss = False, 0.0, 0.0, 0.0

        def pass_on():
            self.cuts.clear()
            for each in self.passable.values():
                each.set()
        self._call(pass_on)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    # --- the loop's thread

    def _call(self, action):
        done = threading.Event()

        def act():
            action()
            done.set()
        self.loop.call_soon_threadsafe(act)
        done.wait(5)

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        self.passable = {each: asyncio.Event() for each in ("peer", "server")}
        for each in self.passable.values():
            each.set()
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        started.set()
        self.loop.run_forever()
        self.server.close()
        serving = asyncio.all_tasks(self.loop)
        for each in serving:
            each.cancel()
        self.loop.run_until_complete(asyncio.gather(*serving, return_exceptions=True))
        self.loop.close()

    async def _serve(self, *peer):
        if self.refusing:
            return Link._reset(peer[1])
        try:
            source = (self.source_host, 0) if self.source_host else None
            server = await asyncio.open_connection(self.target_host, self.target_port, local_addr=source)
        except OSError:
            return Link._reset(peer[1])
        link = Link(peer, server)
        self.links.add(link)
        try:
            await asyncio.gather(self._pump(link, "peer"), self._pump(link, "server"))
        except asyncio.CancelledError:
            pass  # the proxy is closed
        finally:
            self.links.discard(link)
            link.cut()

    async def _pump(self, link, origin):
        reader, writer = (link.peer[0], link.server[1]) if origin == "peer" else (link.server[0], link.peer[1])
        watch = CommitWatch() if self.watch_commits and origin == "peer" else None
        try:
            while data := await reader.read(65536):
                await self.passable[origin].wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if origin == "server" and link.answers_are_lost:
                    continue
                for message, commits in watch.feed(data) if watch else [(data, False)]:
                    if commits and (what := await self._fate_of_commit()):
                        return await self._cut_commit(link, writer, message, what)
                    writer.write(message)
                await writer.drain()
            writer.write_eof()
        except OSError:
            link.cut()  # a reset of one end is one of the other

    async def _fate_of_commit(self):
        """What of it is to be cut, or nothing; after its delay."""
        if self.commit_delay_s:
            await asyncio.sleep(self.random.uniform(0, self.commit_delay_s))
        if self.cuts:
            return self.cuts.pop(0)
        return "commit" if self.random.random() < self.commit_loss else None

    async def _cut_commit(self, link, writer, message, what):
        self.cut_commits[what] += 1
        if what == "commit":
            return link.cut()
        writer.write(message)
        await writer.drain()
        link.lose_answers()
