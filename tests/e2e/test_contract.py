"""The contract as a whole: every method against wrong input, wrong scopes and broken JSON (attacks S3, S4, S13)."""
import json
import unittest

import contract
from gateway import RpcError
from peer import Peer, client
from scenario import Scenario

SCOPES = ("read", "write", "approve", "pair", "admin")


class DiscoveryTest(Scenario):
    def test_discover_names_every_method_a_peer_may_call(self):
        document = self.admin.call("rpc.discover")
        self.assertTrue(document["openrpc"].startswith("1.3"))
        listed = [method["name"] for method in document["methods"]]
        sent_by_peers = [name for name, method in contract.methods().items()
                         if method["direction"] in ("peer_to_gateway", "node_to_gateway")]
        self.assertEqual(sorted(sent_by_peers), sorted(listed))
        self.assertEqual(document, self.gateway.request("GET", "/openrpc.json", token=None).json)

    def test_schemas_are_served(self):
        for path in sorted(contract.SCHEMAS.rglob("*.json"))[:200]:
            name = path.relative_to(contract.SCHEMAS).as_posix()
            with self.subTest(schema=name):
                answer = self.gateway.request("GET", f"/schemas/{name}", token=None)
                self.assertEqual(200, answer.status)
                answer.json
        self.assertEqual(404, self.gateway.request("GET", "/schemas/no/such.json", token=None).status)

    def test_every_method_of_the_schemas_is_there(self):
        for name in contract.callable_methods():
            with self.subTest(method=name):
                try:
                    self.admin.call(name, {"no_such_member": 1})
                except RpcError as error:
                    self.assertNotEqual(-32601, error.code)

    def test_an_unknown_method_is_not_found(self):
        for name in ("no.such", "rpc.internal", "run.start ", "RUN.START", "capability.invoke", "__proto__"):
            with self.subTest(method=name):
                self.assert_refused(-32601, self.admin.call, name)


class RefusalTest(Scenario):
    """S4: what isn't in the schema is refused with its path, and nothing is executed."""

    def cursor(self):
        peer = client(self.gateway)
        peer.close()
        return peer.connected["cursor"]

    def test_every_method_refuses_what_its_schema_does_not_allow(self):
        before, tried = self.cursor(), 0
        for name, method in contract.callable_methods().items():
            if "client" not in method["roles"] or name == "connect":
                continue
            valid = contract.example_params(method)
            for what, params, places in contract.refusals(method["params"], method["path"], valid):
                with self.subTest(method=name, what=what):
                    error = self.assert_refused(-32602, self.admin.call, name, params)
                    self.assertEqual("invalid_params", error.data["kind"])
                    self.assertTrue(error.details, error)
                    for each in error.details:
                        self.assertEqual({"path", "keyword", "message"}, set(each))
                    self.assertTrue({each["path"] for each in error.details} & places, (places, error.details))
                    tried += 1
        self.assertGreater(tried, 150)
        self.assertEqual(before, self.cursor(), "a refused call left an event")

    def test_params_that_are_no_object_are_refused(self):
        for params in ("text", 17, True, [1], [{}], None):
            with self.subTest(params=params):
                self.admin.next_id += 1
                self.admin.send({"jsonrpc": "2.0", "id": self.admin.next_id, "method": "run.list", "params": params})
                reply = self.admin.reply_to(self.admin.next_id)
                self.assertIn(reply["error"]["code"], (-32600, -32602))

    def test_absent_and_empty_params_mean_the_empty_object(self):
        for text in ('{"jsonrpc":"2.0","id":"a","method":"ping"}', '{"jsonrpc":"2.0","id":"b","method":"ping","params":[]}'):
            self.admin.send(text)
        self.assertIn("result", self.admin.reply_to("a"))
        self.assertIn("result", self.admin.reply_to("b"))

    def test_bad_idempotency_keys_are_refused(self):
        for key in ("", "x" * 129, "a\nb", "é", 17, None):
            with self.subTest(key=key):
                self.assert_refused(-32602, self.admin.call, "session.resolve", {"idempotency_key": key})

    def test_trace_context_is_taken_and_anything_else_in_meta_refused_or_ignored(self):
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        self.admin.call("ping", {"_meta": {"traceparent": trace}})
        self.assert_refused(-32602, self.admin.call, "ping", {"_meta": {"traceparent": 17}})


class JsonRpcTest(Scenario):
    """JSON-RPC 2.0 itself, and S3."""

    def replies_to(self, text):
        peer = client(self.gateway)
        self.addCleanup(peer.close)
        peer.replies.clear()
        peer.send(text)
        peer.send('{"jsonrpc":"2.0","id":"after","method":"ping"}')
        peer.reply_to("after")
        return [reply for key, reply in peer.replies.items() if key != '"after"']

    def test_what_is_no_json_is_a_parse_error_and_the_connection_stays(self):
        deep = "[" * 100_000 + "]" * 100_000
        cases = ["", " ", "{", "nul", '{"a":1,}', "[1 2]", '{"a":1}{"b":2}', '{"a":1} x', "NaN", "Infinity", '{"a":NaN}',
                 '"\\ud800"', '{"jsonrpc":"2.0","id":1,"method":"\\udfff"}', "'a'", "{a:1}", "/* */ {}", "\ufeff{}", "01", "1.",
                 '"\u0001"', deep, deep[:100_000], '{"a":' * 50_000 + "1" + "}" * 50_000,
                 '{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}',
                 '{"jsonrpc":"2.0","id":1,"method":"run.start","params":{"input":{"text":"a","text":"b"}}}',
                 '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"x":1e400}}}',
                 '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":-1e999}}']
        for text in cases:
            with self.subTest(text=text[:80]):
                replies = self.replies_to(text)
                self.assertEqual(1, len(replies), replies)
                self.assertIn(replies[0]["error"]["code"], (-32700,), replies)
                self.assertIsNone(replies[0]["id"])

    def test_numbers_outside_i_json_are_refused(self):
        for number in ("9007199254740993", "-9007199254740993", "1" * 400, "0." + "1" * 400_000):
            with self.subTest(number=number[:20]):
                replies = self.replies_to('{"jsonrpc":"2.0","id":7,"method":"run.list","params":{"limit":%s}}' % number)
                self.assertIn(replies[0]["error"]["code"], (-32700, -32602, -32600), replies)

    def test_what_is_no_request_is_invalid(self):
        cases = ["1", '"text"', "null", "true", "[]", "{}", '{"id":1,"method":"ping"}', '{"jsonrpc":"1.0","id":1,"method":"ping"}',
                 '{"jsonrpc":"2.0","id":1}', '{"jsonrpc":"2.0","id":1,"method":17}', '{"jsonrpc":"2.0","id":{},"method":"ping"}',
                 '{"jsonrpc":"2.0","id":[],"method":"ping"}', '{"jsonrpc":"2.0","id":true,"method":"ping"}',
                 '{"jsonrpc":2.0,"id":1,"method":"ping"}']
        for text in cases:
            with self.subTest(text=text):
                replies = self.replies_to(text)
                self.assertEqual(1, len(replies), replies)
                self.assertEqual(-32600, replies[0]["error"]["code"], replies)

    def test_ids_come_back_as_they_were(self):
        for request_id in ("a", "", 0, -1, 9007199254740991, "1", "é😀", "x" * 200):
            with self.subTest(id=request_id):
                self.admin.send({"jsonrpc": "2.0", "id": request_id, "method": "ping"})
                self.assertIn("result", self.admin.reply_to(request_id))

    def test_a_batch_is_answered_member_by_member(self):
        peer = client(self.gateway)
        self.addCleanup(peer.close)
        peer.send([{"jsonrpc": "2.0", "id": "one", "method": "ping"}, {"jsonrpc": "2.0", "id": "two", "method": "no.such"},
                   {"jsonrpc": "2.0", "method": "ping"}, 17])
        self.assertIn("result", peer.reply_to("one"))
        self.assertEqual(-32601, peer.reply_to("two")["error"]["code"])
        self.assertEqual(-32600, peer.reply_to(None)["error"]["code"])

    def test_batches_have_a_bound(self):
        batch = [{"jsonrpc": "2.0", "id": n, "method": "ping"} for n in range(5000)]
        peer = client(self.gateway)
        self.addCleanup(peer.close)
        peer.send(batch)
        peer.send({"jsonrpc": "2.0", "id": "after", "method": "ping"})
        peer.wait_until(lambda: '"after"' in peer.replies, "the reply after the batch")
        self.assertTrue(any("error" in reply for reply in peer.replies.values()))

    def test_notifications_are_never_answered(self):
        self.assertEqual([], self.replies_to('{"jsonrpc":"2.0","method":"ping"}'))
        self.assertEqual([], self.replies_to('{"jsonrpc":"2.0","method":"no.such","params":{"x":1}}'))
        self.assertEqual([], self.replies_to('{"jsonrpc":"2.0","id":12345,"result":{}}'))

    def test_more_than_max_in_flight_is_busy(self):
        run = self.start_run("/sleep 3000")
        peer = client(self.gateway)
        self.addCleanup(peer.close)
        ids = [peer.begin("run.get", {"run_id": run["run_id"], "wait_ms": 2000}) for _ in range(129)]
        codes = []
        for request_id in ids:
            reply = peer.reply_to(request_id)
            codes.append(reply.get("error", {}).get("code"))
        self.assertEqual([-32005], [code for code in codes if code])

    def test_a_flood_of_broken_messages_harms_nobody(self):
        peer = client(self.gateway)
        for _ in range(2000):
            try:
                peer.send("{")
            except OSError:
                break
        self.assertIn("server_time", self.admin.call("ping"))
        peer.abort()


class HttpRpcTest(Scenario):
    """JSON-RPC over POST, and the same methods as plain routes."""

    def test_rpc_answers_200_for_every_well_formed_message(self):
        ok = self.gateway.request("POST", "/rpc", {"jsonrpc": "2.0", "id": 1, "method": "ping"})
        self.assertEqual((200, 1), (ok.status, ok.json["id"]))
        missing = self.gateway.request("POST", "/rpc", {"jsonrpc": "2.0", "id": 2, "method": "no.such"})
        self.assertEqual((200, -32601), (missing.status, missing.json["error"]["code"]))
        none = self.gateway.request("POST", "/rpc", {"jsonrpc": "2.0", "method": "ping"})
        self.assertEqual((204, b""), (none.status, none.body))
        batch = self.gateway.request("POST", "/rpc", [{"jsonrpc": "2.0", "id": 1, "method": "ping"}] * 3)
        self.assertEqual((200, 3), (batch.status, len(batch.json)))

    def test_what_is_no_json_is_400_with_the_error(self):
        for body in ("", "{", "nul"):
            answer = self.gateway.request("POST", "/rpc", body, {"Content-Type": "Application/JSON"})
            self.assertEqual((400, -32700), (answer.status, answer.json["error"]["code"]))

    def test_an_empty_array_is_the_empty_params(self):
        self.assertEqual(200, self.gateway.request("POST", "/rpc/ping", []).status)
        answer = self.gateway.request("POST", "/rpc/ping", [1])
        self.assertEqual((400, "type"), (answer.status, answer.json["data"]["details"][0]["keyword"]))

    def test_connect_and_subscriptions_need_a_websocket(self):
        for method, params in (("connect", {"protocol": 1, "role": "client"}), ("events.subscribe", {"topics": ["runs"]}),
                               ("run.subscribe", {"run_id": "run_01KAJ7R8B3ZQ4M8Y5V0S1T2W3X"})):
            with self.subTest(method=method):
                answer = self.gateway.request("POST", "/rpc", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
                self.assertEqual(-32600, answer.json["error"]["code"])

    def test_a_method_route_answers_the_result_or_a_problem(self):
        ok = self.gateway.request("POST", "/rpc/ping", {})
        self.assertEqual((200, {"server_time"}), (ok.status, set(ok.json)))
        self.assertEqual(200, self.gateway.request("POST", "/rpc/ping").status)
        cases = [("no.such", {}, 404, "method_not_found", -32601), ("run.get", {}, 400, "invalid_params", -32602),
                 ("run.get", {"run_id": "run_01KAJ7R8B3ZQ4M8Y5V0S1T2W3X"}, 404, "not_found", -32003)]
        for method, params, status, kind, code in cases:
            with self.subTest(method=method):
                answer = self.gateway.request("POST", f"/rpc/{method}", params)
                self.assertEqual("application/problem+json", answer.headers["content-type"].split(";")[0])
                problem = answer.json
                self.assertEqual((status, status, f"urn:gatehouse:error:{kind}", code),
                                 (answer.status, problem["status"], problem["type"], problem["code"]))
                self.assertTrue(problem["title"] and problem["detail"])
                self.assertEqual(kind, problem["data"]["kind"])

    def test_other_bodies_and_verbs_are_refused(self):
        self.assertEqual(400, self.gateway.request("POST", "/rpc/ping", "{", {"Content-Type": "application/json"}).status)
        self.assertIn(self.gateway.request("POST", "/rpc/ping", "{}", {"Content-Type": "text/plain"}).status, (400, 415))
        self.assertIn(self.gateway.request("GET", "/rpc").status, (404, 405))
        self.assertIn(self.gateway.request("DELETE", "/rpc/ping").status, (404, 405))
        self.assertEqual(413, self.gateway.request(
            "POST", "/rpc", b" " * ((1 << 20) + 1), {"Content-Type": "application/json"}).status)

    def test_every_route_but_the_open_ones_needs_a_token(self):
        for method, path in (("POST", "/rpc"), ("POST", "/rpc/ping"), ("GET", "/events"), ("GET", "/v1/runs/x/tape"),
                             ("GET", "/v1/artifacts/x"), ("PUT", "/v1/artifacts/x"), ("GET", "/metrics"), ("GET", "/no/such")):
            with self.subTest(path=path):
                answer = self.gateway.request(method, path, token=None)
                self.assertIn(answer.status, (401, 404) if path in ("/no/such", "/metrics") else (401,))
        for path in ("/healthz", "/readyz", "/openrpc.json", "/"):
            with self.subTest(path=path):
                self.assertEqual(200, self.gateway.request("GET", path, token=None).status)


class SmugglingTest(Scenario):
    """S5: never two readings of one request."""

    def test_ambiguous_heads_are_400(self):
        address = self.gateway.address
        post = f"POST /rpc/ping HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {self.gateway.token}\r\n" \
               "Content-Type: application/json\r\n"
        get = f"GET /healthz HTTP/1.1\r\nHost: {address}\r\n"
        cases = {
            "length and chunked": post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "two lengths": post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
            "a list of lengths": post + "Content-Length: 2, 3\r\n\r\n{} ",
            "a negative length": post + "Content-Length: -2\r\n\r\n{}",
            "a length with a plus": post + "Content-Length: +2\r\n\r\n{}",
            "an unknown coding": post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "chunked twice": post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
            "two hosts": get + f"Host: {address}\r\n\r\n",
            "no host": "GET /healthz HTTP/1.1\r\n\r\n",
            "a folded header": get + "X-Folded: a\r\n b\r\n\r\n",
            "a blank before the colon": get + "X-Blank : a\r\n\r\n",
            "a line feed alone": f"GET /healthz HTTP/1.1\nHost: {address}\n\n",
            "a NUL in a header": get + "X-Nul: a\0b\r\n\r\n",
            "a head of 64 KB": get + "X-Long: " + "a" * 70_000 + "\r\n\r\n",
            "many headers": get + "X-Many: a\r\n" * 10_000 + "\r\n",
            "a method that is none": f"G{{}}T /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n",
        }
        for what, head in cases.items():
            with self.subTest(what=what):
                answer = self.gateway.raw(head.encode("latin-1"))
                allowed = rb"^HTTP/1.1 4(00|31|13|21) " if answer else rb"^$"
                self.assertRegex(answer, allowed)
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1 if answer else 0, "two answers to one request")

    def test_bytes_after_the_upgrade_are_frames_and_not_a_request(self):
        head = f"GET /ws HTTP/1.1\r\nHost: {self.gateway.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" \
               f"Authorization: Bearer {self.gateway.token}\r\nSec-WebSocket-Protocol: gatehouse.v1\r\n\r\n"
        answer = self.gateway.raw(head.encode() + f"GET /healthz HTTP/1.1\r\nHost: {self.gateway.address}\r\n\r\n".encode())
        self.assertEqual(1, answer.count(b"HTTP/1.1 "), answer)

    def test_paths_never_leave_the_console(self):
        for path in ("/../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/../../etc/passwd",
                     "/assets/%00index.html", "//etc/passwd", "/\\..\\..\\etc\\passwd", "/schemas/../../CMakeLists.txt",
                     "/v1/artifacts/..%2f..%2fgatehouse.db", "/%c0%ae%c0%ae/etc/passwd"):
            with self.subTest(path=path):
                answer = self.gateway.raw(f"GET {path} HTTP/1.1\r\nHost: {self.gateway.address}\r\nConnection: close\r\n"
                                          f"Authorization: Bearer {self.gateway.token}\r\n\r\n".encode())
                self.assertNotIn(b"root:", answer)
                self.assertNotIn(b"SQLite format", answer)
                self.assertNotIn(b"cmake_minimum_required", answer)
                self.assertRegex(answer, rb"^HTTP/1.1 [24]\d\d ")


class ScopeTest(Scenario):
    """S13: every method × role × scope, from the schemas; what isn't granted is denied."""

    def outcome(self, peer, name, method):
        try:
            peer.call(name, contract.example_params(method))
            return None
        except RpcError as error:
            return error.code

    def methods(self):
        # connect is done already; what closes the caller's own connection has tests of its own.
        return {name: method for name, method in contract.callable_methods().items() if name != "connect"}

    def test_a_client_may_call_what_its_scopes_grant_and_nothing_else(self):
        asserted = 0
        for scopes in [[scope] for scope in SCOPES] + [["read", "write"], ["approve", "pair"]]:
            peer = client(self.gateway, self.issue(scopes))
            self.addCleanup(peer.close)
            self.assertEqual(set(SCOPES if "admin" in scopes else scopes), set(peer.connected["scopes"]))
            for name, method in self.methods().items():
                wanted = method.get("scope")
                granted = "client" in method["roles"] and (
                    wanted in (None, "none") or wanted in scopes or "admin" in scopes)
                with self.subTest(method=name, scopes=scopes):
                    code = self.outcome(peer, name, method)
                    if granted:
                        self.assertNotIn(code, (-32002, -32601, -32001))
                    else:
                        self.assertEqual(-32002, code)
                    asserted += 1
        self.assertEqual(7 * len(self.methods()), asserted)

    def test_a_node_may_call_what_a_node_needs_and_nothing_else(self):
        node, _ = self.pair_node()
        for name, method in self.methods().items():
            with self.subTest(method=name):
                code = self.outcome(node, name, method)
                if "node" in method["roles"]:
                    self.assertNotIn(code, (-32002, -32601))
                else:
                    self.assertEqual(-32002, code)
        self.assertEqual({"ping", "capability.update"},
                         {name for name, method in self.methods().items() if "node" in method["roles"]})

    def test_a_node_token_opens_no_http_method(self):
        node, _ = self.pair_node()
        for name, method in self.methods().items():
            if "http" in method["transport"] and "node" not in method["roles"]:
                with self.subTest(method=name):
                    answer = self.gateway.request("POST", f"/rpc/{name}", contract.example_params(method), token=node.token)
                    self.assertEqual(403, answer.status, answer)

    def test_a_waiting_device_has_no_rights(self):
        from peer import CAPABILITIES, Device, Ledger, Node
        invite = self.admin.call("pairing.invite")["token"]
        node = Node(self.gateway, invite, Ledger(self.gateway.directory))
        self.addCleanup(node.abort)
        node.connect("node", Device(), CAPABILITIES)
        for name, method in self.methods().items():
            with self.subTest(method=name):
                if "node" not in method["roles"]:
                    self.assertEqual(-32002, self.outcome(node, name, method))

    def test_scopes_a_peer_declares_add_nothing(self):
        peer = Peer(self.gateway, self.issue(["read"]))
        self.addCleanup(peer.abort)
        params = {**peer.connect_params(), "scopes": ["admin"]}
        with self.assertRaises(RpcError) as caught:
            peer.call("connect", params)
        self.assertEqual(-32602, caught.exception.code)

    def test_an_invite_opens_no_http_method(self):
        invite = self.admin.call("pairing.invite")["token"]
        self.assertIn(self.gateway.request("POST", "/rpc/run.list", {}, token=invite).status, (401, 403))


class PrincipalTest(Scenario):
    def test_what_belongs_to_another_principal_is_not_found(self):
        alice = client(self.gateway, self.issue(["read", "write", "approve"], principal="user:alice"))
        bob = client(self.gateway, self.issue(["read", "write", "approve"], principal="user:bob"))
        self.addCleanup(alice.close)
        self.addCleanup(bob.close)
        run = self.start_run("/say hello", peer=alice)
        self.wait_run(run["run_id"], peer=alice)
        for method, params in (("run.get", {"run_id": run["run_id"]}), ("run.tape", {"run_id": run["run_id"]}),
                               ("run.cancel", {"run_id": run["run_id"]}), ("run.verify", {"run_id": run["run_id"]}),
                               ("run.input", {"run_id": run["run_id"], "text": "x"}),
                               ("run.subscribe", {"run_id": run["run_id"]}), ("session.get", {"session_id": run["session_id"]}),
                               ("session.history", {"session_id": run["session_id"]}),
                               ("session.delete", {"session_id": run["session_id"]}),
                               ("run.start", {"session_id": run["session_id"], "input": {"text": "x"}})):
            with self.subTest(method=method):
                self.assert_refused(-32003, bob.call, method, params)
        self.assertEqual([], [r for r in bob.call("run.list")["items"] if r["run_id"] == run["run_id"]])
        self.assertTrue([r for r in self.admin.call("run.list")["items"] if r["run_id"] == run["run_id"]])


if __name__ == "__main__":
    unittest.main()
