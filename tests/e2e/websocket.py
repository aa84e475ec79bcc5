"""A WebSocket client of our own (RFC 6455), written from the RFC alone, so that it is an independent peer.

It can also send what a correct client never would: any opcode, any length, unmasked, in pieces.
"""
import base64
import hashlib
import os
import socket
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
SUBPROTOCOL = "gatehouse.v1"


class Refused(Exception):
    """The upgrade was answered with something else than 101."""

    def __init__(self, status, headers, body):
        super().__init__(f"{status}: {body[:300]!r}")
        self.status, self.headers, self.body = status, headers, body


class Closed(Exception):
    """The connection is over; `code` is None where it ended without a close frame."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code}: {reason}")
        self.code, self.reason = code, reason


def read_head(receive):
    """Reads an HTTP head by `receive(bytes wanted) -> bytes`: status, headers (lower case), bytes after the head."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = receive(4096)
        if not piece:
            raise Closed(None, f"no HTTP head: {data!r}")
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(lines[0].split(" ")[1]), headers, rest


class WebSocket:
    def __init__(self, address, headers=(), subprotocols=(SUBPROTOCOL,), path="/ws", timeout=20):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}",
                 "Sec-WebSocket-Version: 13"]
        given = {name.lower() for name, _ in headers}
        if "host" not in given:
            lines.insert(1, f"Host: {address}")
        lines += [f"{name}: {value}" for name, value in headers]
        if subprotocols:
            lines.append("Sec-WebSocket-Protocol: " + ", ".join(subprotocols))
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        try:
            self._read_answer(key)
        except BaseException:
            self.socket.close()
            raise

    def _read_answer(self, key):
        status, headers, self.buffer = read_head(self.socket.recv)
        self.headers = headers
        if status != 101:
            length = int(headers.get("content-length", 0))
            while len(self.buffer) < length:
                piece = self.socket.recv(4096)
                if not piece:
                    break
                self.buffer += piece
            raise Refused(status, headers, self.buffer)
        expected = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert headers["sec-websocket-accept"] == expected, headers
        self.subprotocol = headers.get("sec-websocket-protocol")

    # --- sending

    def send_frame(self, opcode, payload=b"", fin=True, mask=True, reserved=0, claimed_length=None):
        length = len(payload) if claimed_length is None else claimed_length
        head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
        bit = 0x80 if mask else 0
        if length < 126:
            head += bytes([bit | length])
        elif length < 1 << 16:
            head += struct.pack(">BH", bit | 126, length)
        else:
            head += struct.pack(">BQ", bit | 127, length)
        if mask:
            key = os.urandom(4)
            head += key
            repeated = int.from_bytes((key * (len(payload) // 4 + 1))[:len(payload)], "big")
            payload = (int.from_bytes(payload, "big") ^ repeated).to_bytes(len(payload), "big")
        self.socket.sendall(head + payload)

    def send_text(self, text):
        self.send_frame(TEXT, text if isinstance(text, bytes) else text.encode())

    def close(self, code=1000):
        try:
            self.send_frame(CLOSE, struct.pack(">H", code))
        except OSError:
            pass

    def abort(self):
        """Ends the connection without a word, as a crashed peer does."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    # --- receiving

    def _exactly(self, count):
        while len(self.buffer) < count:
            try:
                piece = self.socket.recv(65536)
            except (ConnectionError, OSError) as failure:
                if isinstance(failure, TimeoutError):
                    raise
                raise Closed(None, str(failure)) from failure
            if not piece:
                raise Closed(None, "the connection ended without a close frame")
            self.buffer += piece
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def receive_frame(self):
        first, second = self._exactly(2)
        assert not second & 0x80, "a server must not mask"
        assert not first & 0x70, "reserved bits are set"
        length = second & 0x7F
        if length == 126:
            length = struct.unpack(">H", self._exactly(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._exactly(8))[0]
        return bool(first & 0x80), first & 0x0F, self._exactly(length)

    def receive_text(self):
        """The next whole text message; answers pings, raises Closed at the end."""
        message = b""
        while True:
            fin, opcode, payload = self.receive_frame()
            if opcode == PING:
                self.send_frame(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
                self.close(code)
                self.socket.close()
                raise Closed(code, payload[2:].decode())
            elif opcode in (TEXT, CONTINUATION):
                message += payload
                if fin:
                    return message.decode()
            elif opcode != PONG:
                raise AssertionError(f"opcode {opcode}")

    def wait_for_close(self):
        """Reads on until the connection is closed, and returns how."""
        while True:
            try:
                self.receive_text()
            except Closed as closed:
                return closed
