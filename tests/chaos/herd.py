"""Many subscribers in one thread: what happens to thousands of clients when their edge dies (R12)."""
import asyncio
import base64
import contextlib
import json
import os
import struct
import time
from collections import Counter

from clients import Client
from evidence import matches
from websocket import PING, PONG, SUBPROTOCOL, TEXT

AT_ONCE = 100  # handshakes under way; the gateway lets 256 unauthenticated sockets of one address in
TROUBLE = (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, KeyError)


class Sheep:
    """One subscriber: connects anywhere, goes on from its cursor, writes down what it gets."""

    def __init__(self, herd, number):
        self.herd, self.number = herd, number
        self.cursor, self.subscriptions = None, 0
        self.seen = set()
        self.is_subscribed, self.instance = False, None

    async def live(self):
        while not self.herd.scene.readers_over.is_set():
            writer = None
            try:
                async with self.herd.doorway:
                    reader, writer = await self.connect()
                self.herd.arrived(self)
                while True:
                    self.take(await self.receive(reader))
            except TROUBLE:
                await asyncio.sleep(0.05)
            finally:
                self.is_subscribed = False
                if writer:
                    writer.transport.abort()

    async def connect(self):
        self.instance = door = self.herd.random.choice(self.herd.scene.cluster.instances)
        host, port = door.address.rsplit(":", 1)
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 5)
        try:
            await asyncio.wait_for(self.shake_hands(door, reader, writer), 10)
        except BaseException:
            writer.transport.abort()
            raise
        return reader, writer

    async def shake_hands(self, door, reader, writer):
        self.writer = writer
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write((f"GET /ws HTTP/1.1\r\nHost: {door.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {door.token}\r\n"
                      f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            raise ValueError(head)
        await self.receive(reader)  # the challenge
        await self.call(reader, writer, 1, "connect", {"protocol": 1, "role": "client"})
        self.subscriptions += 1
        self.herd.journal.note("subscribe", reader=self.number, number=self.subscriptions, topics=self.herd.topics,
                               after=self.cursor)
        after = {"after": self.cursor} if self.cursor else {}
        told = await self.call(reader, writer, 2, "events.subscribe", {"topics": self.herd.topics, **after})
        self.cursor = self.cursor or told["cursor"]

    async def call(self, reader, writer, number, method, params):
        payload = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
        # A mask of zeros leaves the payload as it is.
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
        writer.write(bytes([0x80 | TEXT]) + length + bytes(4) + payload)
        while True:
            message = await self.receive(reader)
            if message.get("id") == number:
                return message["result"]
            self.take(message)

    async def receive(self, reader):
        while True:
            first, second = await reader.readexactly(2)
            length = second & 0x7F
            if length == 126:
                length = struct.unpack(">H", await reader.readexactly(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", await reader.readexactly(8))[0]
            payload = await reader.readexactly(length)
            if first & 0x0F == PING:
                self.writer.write(bytes([0x80 | PONG, 0x80 | length]) + bytes(4) + payload)
            if first & 0x0F == TEXT:
                return json.loads(payload)

    def take(self, message):
        if message.get("method") != "event":
            return
        params = message["params"]
        stored = [each for each in params["events"] if not each.get("ephemeral")]
        if stored:
            self.herd.journal.note("events", reader=self.number, number=self.subscriptions, cursor=params["cursor"],
                                   events=stored)
        self.cursor = params["cursor"]
        self.seen.update(each["event_id"] for each in stored)


class Herd(Client):
    """All of them in one thread."""

    def __init__(self, scene, name, topics, count):
        super().__init__(scene, name)
        self.topics = topics
        self.sheep = [Sheep(self, number) for number in range(count)]
        self.scattered_at = None
        self.gatherings_s = []  # how long it took until all were subscribed again

    def missing(self, rows):
        wanted = {row["event_id"] for row in rows if matches(self.topics, row)}
        return sum(len(wanted - each.seen) for each in self.sheep)

    def begin(self):
        self.start()
        self.scene.pause_until(self.is_gathered, 120)

    def is_gathered(self):
        return all(each.is_subscribed for each in self.sheep)

    def run(self):
        asyncio.run(self.live())

    async def live(self):
        self.doorway = asyncio.Semaphore(AT_ONCE)
        lives = [asyncio.create_task(each.live()) for each in self.sheep]
        while not self.scene.readers_over.is_set():
            await asyncio.sleep(0.2)
        for each in lives:
            each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*lives, return_exceptions=True)

    def crowded_instance(self):
        """The one that most of them are connected to."""
        return Counter(each.instance for each in self.sheep).most_common(1)[0][0]

    def scatter(self):
        """Told when an edge dies."""
        self.scattered_at = time.monotonic()

    def arrived(self, sheep):
        sheep.is_subscribed = True
        if self.scattered_at and self.is_gathered():
            self.gatherings_s.append(time.monotonic() - self.scattered_at)
            self.scattered_at = None
