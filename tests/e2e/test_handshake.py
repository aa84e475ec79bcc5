"""Who may connect, and how a connection ends (protocol.md 2 and 3; attacks S1, S7, S8, S12)."""
import base64
import json
import os
import struct
import unittest

from gateway import RpcError, new_token
from peer import CAPABILITIES, Device, Ledger, Node, Peer, base64url, client, reconnect
from scenario import Scenario
from websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Refused, WebSocket

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


class UpgradeTest(Scenario):
    """What is refused before the 101."""
    config = "[limits]\nfailed_tokens_per_address = 1000\n"

    def refused(self, status, headers=(), subprotocols=("gatehouse.v1",), path="/ws", token="own"):
        headers = list(headers)
        if token is not None:
            headers.append(("Authorization", f"Bearer {self.gateway.token if token == 'own' else token}"))
        with self.assertRaises(Refused) as caught:
            WebSocket(self.gateway.address, headers, subprotocols, path)
        self.assertEqual(status, caught.exception.status, (headers, caught.exception.body))
        if status not in (404, 426):
            self.assertEqual("application/problem+json", caught.exception.headers.get("content-type", "").split(";")[0])
            self.assertEqual(status, json.loads(caught.exception.body)["status"])
        return caught.exception

    def test_good_upgrade_selects_the_subprotocol_and_challenges(self):
        peer = Peer(self.gateway)
        self.addCleanup(peer.close)
        self.assertEqual("gatehouse.v1", peer.socket.subprotocol)
        self.assertEqual(32, len(base64.urlsafe_b64decode(peer.challenge["nonce"] + "=")))
        self.assertEqual(1, peer.challenge["protocol"])
        self.assertEqual(self.gateway.ready["gateway_id"], peer.challenge["gateway_id"])
        self.assertRegex(peer.challenge["server_time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_browser_token_comes_as_a_second_subprotocol_and_is_never_echoed(self):
        peer = Peer(self.gateway, bearer_subprotocol=True)
        self.addCleanup(peer.close)
        self.assertEqual("gatehouse.v1", peer.socket.subprotocol)
        self.assertEqual("user:admin", peer.connect().connected["principal"])

    def test_without_a_good_token_is_401(self):
        good = self.gateway.token
        for token in (None, new_token(), "", "gth_short", good + "x", good[:-1], good.upper(), "x" * 5000):
            with self.subTest(token=token):
                refusal = self.refused(401, token=token)
                self.assertIn("Bearer", refusal.headers["www-authenticate"])
        self.refused(401, [("Authorization", "Basic Zm9vOmJhcg==")], token=None)
        self.refused(401, path=f"/ws?token={good}", token=None)

    def test_without_the_subprotocol_is_400(self):
        self.refused(400, subprotocols=())
        self.refused(400, subprotocols=("gatehouse.v2", "chat"))

    def test_strange_hosts_are_421_on_every_route(self):
        port = self.gateway.port
        hosts = [f"evil.example:{port}", "evil.example", f"127.0.0.1:{port + 1}", "127.0.0.1:1", f"localhost.evil.example:{port}",
                 f"[::ffff:127.0.0.1]:{port}", f"127.0.0.1.nip.io:{port}", f"0.0.0.0:{port}", f"2130706433:{port}",
                 f"127.1:{port}", f"user@127.0.0.1:{port}", f"127.0.0.1:{port}.evil.example"]
        for host in hosts:
            with self.subTest(host=host):
                self.refused(421, [("Host", host)])
        for path in ("/", "/healthz", "/readyz", "/openrpc.json", "/schemas/errors.json", "/rpc/ping", "/no/such"):
            with self.subTest(path=path):
                answer = self.gateway.request("GET", path, headers={"Host": "evil.example"})
                self.assertEqual(421, answer.status, answer)

    def test_forwarded_host_and_absolute_form_do_not_stand_in_for_host(self):
        self.refused(421, [("Host", "evil.example"), ("X-Forwarded-Host", self.gateway.address),
                           ("Forwarded", f"host={self.gateway.address}")])
        answer = self.gateway.raw(f"GET http://evil.example/healthz HTTP/1.1\r\nHost: {self.gateway.address}\r\n"
                                  "Connection: close\r\n\r\n".encode())
        self.assertRegex(answer, rb"^HTTP/1.1 (400|421) ")

    def test_loopback_names_are_welcome(self):
        for host in (f"127.0.0.1:{self.gateway.port}", f"localhost:{self.gateway.port}", f"LOCALHOST:{self.gateway.port}"):
            with self.subTest(host=host):
                answer = self.gateway.request("GET", "/healthz", headers={"Host": host})
                self.assertEqual(200, answer.status, answer)

    def test_strange_origins_are_403(self):
        port = self.gateway.port
        for origin in ("null", "http://evil.example", f"https://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}",
                       f"http://127.0.0.1:{port}.evil.example", f"http://127.0.0.1.:{port}", f"http://evil127.0.0.1:{port}",
                       f"HTTP://127.0.0.1:{port}/x", "http://127.0.0.1", "", "file://", f"http://127.0.0.1:{port}@evil.example"):
            with self.subTest(origin=origin):
                self.refused(403, [("Origin", origin)])
        self.refused(403, [("Origin", f"http://127.0.0.1:{port}"), ("Origin", "http://evil.example")])
        answer = self.gateway.request("POST", "/rpc/ping", {}, headers={"Origin": "http://evil.example"})
        self.assertEqual(403, answer.status)

    def test_own_origin_is_welcome(self):
        peer = Peer(self.gateway, headers=[("Origin", f"http://{self.gateway.address}")])
        peer.close()

    def test_a_browser_on_loopback_still_needs_a_token(self):
        self.refused(401, [("Origin", f"http://{self.gateway.address}")], token=None)

    def test_bad_upgrades_are_refused(self):
        line = f"GET /ws HTTP/1.1\r\nHost: {self.gateway.address}\r\nAuthorization: Bearer {self.gateway.token}\r\n"
        for rest in ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
                     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 12\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
                     "Upgrade: h2c\r\nConnection: Upgrade\r\n", "Connection: close\r\n"):
            with self.subTest(rest=rest):
                answer = self.gateway.raw((line + rest + "Sec-WebSocket-Protocol: gatehouse.v1\r\n\r\n").encode(),
                                          until_closed=False)
                self.assertRegex(answer, rb"^HTTP/1.1 4\d\d ")


class ConnectTest(Scenario):
    """The handshake after the upgrade."""
    config = "[limits]\nhandshake_ms = 3000\n"

    def peer(self, token="own"):
        peer = Peer(self.gateway, token)
        self.addCleanup(peer.abort)
        return peer

    def refused(self, peer, code, close_code, params):
        """Sends connect and expects its error and then the close."""
        with self.assertRaises(RpcError) as caught:
            peer.call("connect", params)
        self.assertEqual(code, caught.exception.code, caught.exception)
        self.assertIn(peer.wait_for_close().code, close_code if isinstance(close_code, tuple) else (close_code,))
        self.assertTrue(peer.closed.reason)

    def test_result_tells_what_the_token_grants(self):
        result = client(self.gateway).connected
        self.assertEqual("client", result["role"])
        self.assertEqual("user:admin", result["principal"])
        self.assertIn("admin", result["scopes"])
        self.assertEqual({"max_frame_bytes": 1 << 20, "max_in_flight": 128, "outbound_bytes_max": 8 << 20,
                          "heartbeat_ms": 15000}, result["limits"])
        self.assertIsInstance(result["cursor"], str)

    def test_a_client_may_prove_a_device(self):
        device = Device()
        peer = self.peer()
        peer.connect(device=device)
        self.assertEqual(device.id, peer.connected["device_id"])

    def test_nothing_comes_before_connect(self):
        for method in ("ping", "run.list", "no.such.method"):
            peer = self.peer()
            with self.assertRaises(RpcError) as caught:
                peer.call(method)
            self.assertEqual(-32001, caught.exception.code)
            self.assertEqual(4400, peer.wait_for_close().code)

    def test_a_batch_before_connect_is_answered_before_the_close(self):
        peer = self.peer()
        peer.send([{"jsonrpc": "2.0", "id": n, "method": "ping"} for n in (1, 2)])
        self.assertEqual([-32001] * 2, [peer.reply_to(n)["error"]["code"] for n in (1, 2)])
        self.assertEqual(4400, peer.wait_for_close().code)

    def test_connect_twice_is_refused(self):
        peer = self.peer().connect()
        self.assert_refused(-32600, peer.call, "connect", peer.connect_params())

    def test_other_protocol_versions_are_refused(self):
        peer = self.peer()
        self.refused(peer, -32602, 4400, {"protocol": 2, "role": "client"})

    def test_malformed_connect_params_are_refused(self):
        for params in ({}, {"protocol": 1}, {"protocol": 1, "role": "king"}, {"protocol": "1", "role": "client"},
                       {"protocol": 1, "role": "client", "scopes": ["admin"]}, {"protocol": 1, "role": "client", "x": 1}):
            with self.subTest(params=params):
                self.refused(self.peer(), -32602, 4400, params)

    def test_role_must_fit_the_token(self):
        device = Device()
        peer = self.peer()
        self.refused(peer, -32002, 4403, peer.connect_params("node", device, CAPABILITIES))
        invite = self.admin.call("pairing.invite")["token"]
        peer = self.peer(invite)
        self.refused(peer, -32002, 4403, peer.connect_params("client", device))

    def test_a_node_needs_a_device_and_its_proof(self):
        device = Device()
        for drop in ("device", "proof"):
            with self.subTest(without=drop):
                peer = self.peer(self.admin.call("pairing.invite")["token"])
                params = peer.connect_params("node", device, CAPABILITIES)
                del params[drop]
                with self.assertRaises(RpcError) as caught:
                    peer.call("connect", params)
                self.assertIn(caught.exception.code, (-32602, -32001), caught.exception)
                self.assertIn(peer.wait_for_close().code, (4400, 4401))

    def test_replayed_and_altered_proofs_are_refused(self):
        device, other = Device(), Device()

        def altered(peer, what):
            params = peer.connect_params("client", device)
            nonce, gateway_id = peer.challenge["nonce"], peer.challenge["gateway_id"]
            proof = base64.urlsafe_b64decode(params["proof"] + "==")
            changes = {
                "a replayed proof": {"proof": replayed},
                "another role": {"proof": device.proof(gateway_id, "node", nonce, peer.token)},
                "another gateway": {"proof": device.proof("gw_other", "client", nonce, peer.token)},
                "another nonce": {"proof": device.proof(gateway_id, "client", base64url(os.urandom(32)), peer.token)},
                "another token": {"proof": device.proof(gateway_id, "client", nonce, new_token())},
                "another key": {"proof": other.proof(gateway_id, "client", nonce, peer.token)},
                "another device id": {"device": {**params["device"], "id": other.id}},
                "another public key": {"device": {**params["device"], "public_key": base64url(other.raw)}},
                "a flipped bit": {"proof": base64url(bytes([proof[0] ^ 1]) + proof[1:])},
                "a malleable signature": {"proof": base64url(
                    proof[:32] + (int.from_bytes(proof[32:], "little") + ED25519_ORDER).to_bytes(32, "little"))},
                "a small-order key": {"device": {**params["device"], "public_key": base64url(bytes([1]) + bytes(31))}},
                "an empty proof": {"proof": base64url(bytes(64))},
                "a short proof": {"proof": base64url(proof[:63])},
            }
            return {**params, **changes[what]}

        first = self.peer()
        replayed = first.connect_params("client", device)["proof"]
        first.connect(device=device)
        for what in ("a replayed proof", "another role", "another gateway", "another nonce", "another token",
                     "another key", "another device id", "another public key", "a flipped bit", "a malleable signature",
                     "a small-order key", "an empty proof", "a short proof"):
            with self.subTest(what=what):
                peer = self.peer()
                with self.assertRaises(RpcError) as caught:
                    peer.call("connect", altered(peer, what))
                self.assertIn(caught.exception.code, (-32001, -32602), caught.exception)
                self.assertIn(peer.wait_for_close().code, (4400, 4401))

    def test_an_unfinished_handshake_times_out(self):
        peer = self.peer()
        self.assertEqual(4408, peer.wait_for_close(timeout=8).code)

    def test_the_newer_connection_of_a_node_replaces_the_older(self):
        node, device = self.pair_node()
        second = reconnect(self.gateway, device, node.ledger, node.memory)
        self.addCleanup(second.close)
        self.assertEqual(4409, node.wait_for_close().code)
        self.assertIn("server_time", second.call("ping"))

    def test_client_connections_may_share_a_device(self):
        device = Device()
        first, second = self.peer().connect(device=device), self.peer().connect(device=device)
        first.call("ping")
        second.call("ping")

    def test_a_revoked_token_closes_its_connections_and_is_refused(self):
        issued = self.admin.call("token.issue", {"kind": "client", "scopes": ["read"], "label": "short lived"})
        peer = self.peer(issued["token"]).connect()
        self.admin.call("token.revoke", {"token_id": issued["token_id"]})
        self.assertEqual(4401, peer.wait_for_close(timeout=5).code)
        with self.assertRaises(Refused) as caught:
            Peer(self.gateway, issued["token"])
        self.assertEqual(401, caught.exception.status)

    def test_streams_end_with_their_token(self):
        run = self.start_run("/sleep 20000")
        issued = self.admin.call("token.issue", {"kind": "client", "principal": "user:admin", "scopes": ["read"]})
        tape = self.gateway.stream(f"/v1/runs/{run['run_id']}/tape", issued["token"], {"Accept": "text/event-stream"})
        with self.gateway.stream("/events", issued["token"]) as events, tape as items:
            self.assertEqual(b": connected\n", events.readline())
            self.admin.call("token.revoke", {"token_id": issued["token_id"]})
            events.read()
            items.read()
        self.admin.call("run.cancel", {"run_id": run["run_id"]})

    def test_what_is_open_ends_when_its_token_expires(self):
        issued = self.admin.call("token.issue", {"kind": "client", "scopes": ["read"], "ttl_ms": 1500})
        with self.gateway.stream("/events", issued["token"]) as events:
            peer = self.peer(issued["token"]).connect()
            self.assertEqual(4401, peer.wait_for_close(timeout=10).code)
            self.assertIn("expired", peer.closed.reason)
            events.read()

    def test_an_invite_binds_to_the_first_device_that_proves_itself(self):
        invite = self.admin.call("pairing.invite")["token"]
        ledger = Ledger(self.gateway.directory)
        first = Node(self.gateway, invite, ledger)
        self.addCleanup(first.abort)
        first.connect("node", Device(), CAPABILITIES)
        second = Node(self.gateway, invite, ledger)
        self.addCleanup(second.abort)
        with self.assertRaises(RpcError) as caught:
            second.connect("node", Device(), CAPABILITIES)
        self.assertIn(caught.exception.code, (-32001, -32002), caught.exception)


class FrameTest(Scenario):
    """Frames that break RFC 6455 or our bounds end the connection with the right code, and nothing else."""

    def setUp(self):
        super().setUp()
        self.peer = client(self.gateway)
        self.addCleanup(self.peer.abort)

    def closes_with(self, codes, *frames, peer=None):
        """Sends frames (argument dicts of send_frame) and expects one of the close codes."""
        peer = peer or self.peer
        for frame in frames:
            try:
                peer.socket.send_frame(**frame)
            except OSError:
                break
        closed = peer.wait_for_close()
        self.assertIn(closed.code, codes if isinstance(codes, tuple) else (codes,), closed)
        self.assertEqual({"server_time"}, set(self.admin.call("ping")))

    def test_binary_frames_are_1003(self):
        self.closes_with(1003, {"opcode": BINARY, "payload": b"{}"})

    def test_invalid_utf8_is_1007(self):
        for payload in (b'"\xff"', b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
            with self.subTest(payload=payload):
                peer = client(self.gateway)
                self.closes_with(1007, {"opcode": TEXT, "payload": payload}, peer=peer)

    def test_utf8_split_over_fragments_is_one_message(self):
        text = json.dumps({"jsonrpc": "2.0", "id": "é€😀", "method": "ping"}, ensure_ascii=False).encode()
        for at in range(1, len(text) - 1):
            self.peer.socket.send_frame(TEXT, text[:at], fin=False)
            self.peer.socket.send_frame(PING, b"between")
            self.peer.socket.send_frame(CONTINUATION, text[at:])
            self.assertIn("result", self.peer.reply_to("é€😀"))
            self.peer.replies.clear()

    def test_too_large_a_message_is_1009(self):
        self.closes_with(1009, {"opcode": TEXT, "payload": b" " * ((1 << 20) + 1)})

    def test_too_large_in_fragments_is_1009(self):
        piece = b" " * 100_000
        self.closes_with(1009, {"opcode": TEXT, "payload": piece, "fin": False},
                         *[{"opcode": CONTINUATION, "payload": piece, "fin": False}] * 11)

    def test_a_giant_length_is_refused_before_its_bytes_come(self):
        before = self.gateway.memory_bytes()
        for length in (1 << 40, (1 << 63) - 1):
            with self.subTest(length=length):
                self.closes_with((1009, 1002), {"opcode": TEXT, "payload": b"x", "claimed_length": length},
                                 peer=client(self.gateway))
        self.closes_with((1002, 1009), {"opcode": TEXT, "payload": b"x", "claimed_length": (1 << 64) - 1})
        self.assertLess(self.gateway.memory_bytes() - before, 16 << 20)

    def test_the_largest_message_is_taken(self):
        text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
        self.peer.socket.send_text(text + " " * ((1 << 20) - len(text)))
        self.assertIn("result", self.peer.reply_to(1))

    def test_broken_frames_are_1002(self):
        cases = {
            "unmasked": {"opcode": TEXT, "payload": b"{}", "mask": False},
            "reserved bit 1": {"opcode": TEXT, "payload": b"{}", "reserved": 4},
            "reserved bit 3": {"opcode": TEXT, "payload": b"{}", "reserved": 1},
            "reserved opcode": {"opcode": 3},
            "reserved control opcode": {"opcode": 11},
            "fragmented ping": {"opcode": PING, "fin": False},
            "long ping": {"opcode": PING, "payload": b"x" * 126},
            "continuation of nothing": {"opcode": CONTINUATION, "payload": b"x"},
            "close of one byte": {"opcode": CLOSE, "payload": b"\x03"},
            "close with code 1005": {"opcode": CLOSE, "payload": struct.pack(">H", 1005)},
            "close with code 999": {"opcode": CLOSE, "payload": struct.pack(">H", 999)},
        }
        for what, frame in cases.items():
            with self.subTest(what=what):
                self.closes_with((1002, None) if what == "unmasked" else 1002, frame, peer=client(self.gateway))

    def test_a_text_inside_a_fragmented_text_is_1002(self):
        self.closes_with(1002, {"opcode": TEXT, "payload": b"{", "fin": False}, {"opcode": TEXT, "payload": b"}"})

    def test_pings_are_answered_with_their_payload(self):
        socket = WebSocket(self.gateway.address, [("Authorization", f"Bearer {self.gateway.token}")])
        socket.receive_text()
        socket.send_frame(PING, b"are you there")
        self.assertEqual((True, PONG, b"are you there"), socket.receive_frame())
        socket.abort()

    def test_a_close_is_answered(self):
        self.peer.socket.close(1000)
        self.assertIn(self.peer.wait_for_close().code, (1000,))

    def test_many_tiny_fragments_are_bounded(self):
        peer = client(self.gateway)
        frame = {"opcode": CONTINUATION, "payload": b" ", "fin": False}
        peer.socket.send_frame(TEXT, b" ", fin=False)
        try:
            for _ in range(20_000):
                peer.socket.send_frame(**frame)
        except OSError:
            pass
        self.assertIn("server_time", self.admin.call("ping"))
        peer.abort()


class FloodTest(Scenario):
    def test_sockets_without_authentication_have_a_budget_and_it_comes_back(self):
        import socket
        host, port = self.gateway.address.rsplit(":", 1)
        sockets = []
        try:
            for _ in range(300):
                one = socket.create_connection((host, int(port)), timeout=10)
                one.settimeout(0.5)
                sockets.append(one)
            refused = 0
            for one in sockets[256:]:
                try:
                    refused += one.recv(1) == b""
                except ConnectionError:
                    refused += 1
                except TimeoutError:
                    pass
            self.assertGreater(refused, 0)
            self.assertIn("server_time", self.admin.call("ping"))
        finally:
            for one in sockets:
                one.close()
        client(self.gateway).close()

    def test_failed_tokens_are_limited_and_the_owner_is_not_locked_out(self):
        statuses = []
        for _ in range(200):
            statuses.append(self.gateway.request("POST", "/rpc/ping", {}, token=new_token()).status)
            if statuses[-1] == 429:
                break
        self.assertEqual(429, statuses[-1], "200 bad tokens in a row and none was refused with 429")
        limited = self.gateway.request("POST", "/rpc/ping", {}, token=new_token())
        self.assertIn("retry-after", limited.headers)
        self.assertIn("server_time", self.admin.call("ping"))


if __name__ == "__main__":
    unittest.main()
