"""Pairing, nodes, their calls and what they bring back (protocol.md 5 and 6)."""
import base64
import contextlib
import hashlib
import json
import time
import unittest

from gateway import RpcError
from peer import CAPABILITIES, Device, Ledger, Node, base32, client, reconnect
from scenario import Scenario
from websocket import Refused


class PairingTest(Scenario):
    def waiting(self, device=None):
        node = Node(self.gateway, self.admin.call("pairing.invite", {"label": "x"})["token"], Ledger(self.gateway.directory))
        self.addCleanup(node.abort)
        device = device or Device()
        node.connect("node", device, CAPABILITIES)
        self.assertEqual("pending", node.connected["pairing"]["state"])
        return node, device, node.connected["pairing"]["pairing_id"]

    def resolved(self, node):
        return node.wait_until(lambda: next(
            (r["params"] for r in node.requests if r["method"] == "pairing.resolved"), None), "pairing.resolved")

    def test_a_device_is_paired_end_to_end_on_the_connection_it_waits_on(self):
        self.admin.call("events.subscribe", {"topics": ["pairings", "nodes"]})
        node, device, pairing_id = self.waiting()
        self.admin.wait_for_event("pairing.requested", lambda p: p["pairing_id"] == pairing_id)
        listed = next(p for p in self.admin.call("pairing.list")["items"] if p["pairing_id"] == pairing_id)
        self.assertEqual(device.id, listed["device"]["id"])
        self.assertEqual("test", listed["capabilities"][0]["id"])
        self.admin.call("pairing.approve", {"pairing_id": pairing_id, "allow": ["test.*"], "trust": "local", "label": "desk"})
        decision = self.resolved(node)
        self.assertEqual(("approved", pairing_id), (decision["state"], decision["pairing_id"]))
        self.assertRegex(decision["token"], r"^gth_[A-Za-z0-9_-]{43}$")
        self.admin.wait_for_event("node.online", lambda p: p["device_id"] == device.id)
        answer = self.admin.call("node.invoke", {"node": "desk", "capability": "test", "operation": "look", "arguments": {}})
        self.assertEqual("look", answer["result"]["operation"])
        described = self.admin.call("node.get", {"node": device.id})
        self.assertEqual(("desk", "online", "local"), (described["label"], described["state"], described["trust"]))

    def test_denied_is_told_and_closed(self):
        node, _, pairing_id = self.waiting()
        self.admin.call("pairing.deny", {"pairing_id": pairing_id, "reason": "no"})
        self.assertEqual("denied", self.resolved(node)["state"])
        self.assertEqual(4403, node.wait_for_close().code)

    def test_requests_of_one_device_are_one_pairing(self):
        device = Device()
        _, _, first = self.waiting(device)
        _, _, second = self.waiting(device)
        self.assertEqual(first, second)

    def test_a_decision_stands(self):
        node, device, pairing_id = self.waiting()
        self.admin.call("pairing.approve", {"pairing_id": pairing_id, "allow": ["*"]})
        self.assert_refused(-32004, self.admin.call, "pairing.deny", {"pairing_id": pairing_id})
        token = self.resolved(node)["token"]
        node.close()
        again = Node(self.gateway, token, node.ledger)
        self.addCleanup(again.close)
        again.connect("node", device, CAPABILITIES)
        self.assertNotIn("pairing", {k: v for k, v in again.connected.items() if k == "pairing" and v["state"] == "pending"})

    def test_a_device_that_missed_its_token_gets_a_fresh_one_by_its_invite(self):
        node, device, pairing_id = self.waiting()
        invite = node.token
        node.abort()
        self.admin.call("pairing.approve", {"pairing_id": pairing_id, "allow": ["*"]})
        again = Node(self.gateway, invite, node.ledger)
        self.addCleanup(again.abort)
        again.connect("node", device, CAPABILITIES)
        pairing = again.connected["pairing"]
        self.assertEqual("approved", pairing["state"])
        again.abort()
        once_more = Node(self.gateway, invite, node.ledger)  # until it has used a token, it may lose it
        self.addCleanup(once_more.abort)
        once_more.connect("node", device, CAPABILITIES)
        self.assertNotEqual(pairing["token"], once_more.connected["pairing"]["token"])
        pairing = once_more.connected["pairing"]
        final = Node(self.gateway, pairing["token"], node.ledger)
        self.addCleanup(final.close)
        final.connect("node", device, CAPABILITIES)
        with contextlib.suppress(Refused):
            late = Node(self.gateway, invite, node.ledger)
            self.addCleanup(late.abort)
            with self.assertRaises(RpcError):
                late.connect("node", device, CAPABILITIES)

    def test_a_label_that_is_taken_is_refused(self):
        _, first = self.pair_node(label="taken")
        node, _, pairing_id = self.waiting()
        self.assert_refused(-32004, self.admin.call, "pairing.approve",
                            {"pairing_id": pairing_id, "allow": ["*"], "label": "taken"})
        node.abort()

    def test_a_node_token_is_bound_to_its_device(self):
        node, _ = self.pair_node()
        thief = Node(self.gateway, node.memory["token"], node.ledger)
        self.addCleanup(thief.abort)
        with self.assertRaises(RpcError) as caught:
            thief.connect("node", Device(), CAPABILITIES)
        self.assertIn(caught.exception.code, (-32001, -32002))

    def test_bad_capabilities_are_refused(self):
        good = CAPABILITIES[0]
        operation = good["operations"][0]
        cases = {
            "an id in capitals": [{**good, "id": "Test"}],
            "an id with two underscores": [{**good, "id": "te__st"}],
            "an id of 25 characters": [{**good, "id": "a" * 25}],
            "an unknown risk": [{**good, "operations": [{**operation, "risk": "harmless"}]}],
            "a schema that is none": [{**good, "operations": [{**operation, "input_schema": {"type": "nonsense"}}]}],
            "a pattern with look-around": [{**good, "operations": [
                {**operation, "input_schema": {"type": "string", "pattern": "(?=a)b"}}]}],
            "the reserved argument": [{**good, "operations": [
                {**operation, "input_schema": {"type": "object", "properties": {"node": {"type": "string"}}}}]}],
            "the same id twice": [good, good],
        }
        node, _ = self.pair_node()
        for what, capabilities in cases.items():
            with self.subTest(what=what):
                self.assert_refused(-32602, node.call, "capability.update", {"capabilities": capabilities})
        node.call("capability.update", {"capabilities": CAPABILITIES})


class NodeTest(Scenario):
    def setUp(self):
        super().setUp()
        self.node, self.device = self.pair_node(label=f"node {self.id().rsplit('.', 1)[1]}"[:60])
        self.addCleanup(self.revoke)

    def revoke(self):
        with contextlib.suppress(RpcError):
            self.admin.call("node.revoke", {"node": self.device.id})

    def invoke(self, operation, arguments=None, peer=None, **params):
        return (peer or self.admin).call("node.invoke", {
            "node": self.device.id, "capability": "test", "operation": operation, "arguments": arguments or {}, **params})

    def test_a_call_reaches_the_node_with_all_it_needs(self):
        answer = self.invoke("look", {"key": "x"})
        self.assertEqual({"operation": "look", "arguments": {"key": "x"}}, answer["result"])
        request = next(r["params"] for r in self.node.requests if r["method"] == "capability.invoke")
        self.assertEqual(answer["invocation_id"], request["invocation_id"])
        self.assertLessEqual({"attempt", "deadline_ms", "idempotency_key", "capability", "operation"}, set(request))

    def test_what_the_node_reports_as_failure_is_capability_failed(self):
        self.assert_refused(-32015, self.invoke, "fail")

    def test_unknown_operations_and_nodes_are_not_found(self):
        self.assert_refused(-32003, self.invoke, "no_such")
        self.assert_refused(-32003, self.admin.call, "node.invoke", {
            "node": "nobody", "capability": "test", "operation": "look", "arguments": {}})

    def test_a_time_out_is_told_to_caller_and_node(self):
        self.assert_refused(-32007, self.invoke, "hang", timeout_ms=200)
        self.node.wait_until(lambda: self.node.memory.get("cancelled"), "capability.cancel")
        self.node.released.set()

    def test_evidence_becomes_an_artifact(self):
        answer = self.invoke("show")
        artifact = answer["evidence"][0]
        content = bytes(range(256))
        self.assertEqual("art_" + base32(hashlib.sha256(content).digest()), artifact["artifact_id"])
        described = self.admin.call("artifact.get", {"artifact_id": artifact["artifact_id"]})
        self.assertEqual(256, described["size"])
        fetched = self.gateway.request("GET", f"/v1/artifacts/{artifact['artifact_id']}")
        self.assertEqual(content, fetched.body)
        listed = [a["artifact_id"] for a in self.admin.call("artifact.list")["items"]]
        self.assertIn(artifact["artifact_id"], listed)

    def test_a_node_in_a_run(self):
        run = self.run_text('/call node__test__look {"key":"in a run"}')
        self.assertIn("in a run", run["output"]["text"])
        items = self.assert_verified(run["run_id"])
        call = next(i for i in items if i["kind"] == "tool_call")["payload"]
        self.assertEqual(("node__test__look", "read", 1), (call["tool"], call["risk"], call["attempt"]))
        request = next(r["params"] for r in self.node.requests if r["method"] == "capability.invoke")
        self.assertEqual((run["run_id"], call["idempotency_key"]), (request["run_id"], request["idempotency_key"]))
        self.assertIn("lease_epoch", request)

    def test_offline_is_unavailable_at_once(self):
        self.admin.call("events.subscribe", {"topics": ["nodes"]})
        self.node.close()
        self.admin.wait_for_event("node.offline", lambda p: p["device_id"] == self.device.id)
        self.assert_refused(-32009, self.invoke, "look")

    def test_a_queued_call_waits_for_the_node(self):
        self.admin.call("events.subscribe", {"topics": ["nodes"]})
        self.node.close()
        self.admin.wait_for_event("node.offline", lambda p: p["device_id"] == self.device.id)
        queued = {"queue_ttl_ms": 30_000, "idempotency_key": f"queued for {self.device.id[:20]}"}
        first = self.invoke("look", **queued)
        self.assertEqual("queued", first["state"])
        again = reconnect(self.gateway, self.device, self.node.ledger, self.node.memory)
        self.addCleanup(again.close)
        again.wait_until(lambda: any(r["method"] == "capability.invoke" for r in again.requests), "the queued call")
        deadline = time.monotonic() + 20
        while (answer := self.invoke("look", **queued))["state"] in ("queued", "sent"):
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual((first["invocation_id"], "look"), (answer["invocation_id"], answer["result"]["operation"]))
        self.assertEqual(1, len([r for r in again.requests if r["method"] == "capability.invoke"]))

    def test_a_lost_connection_is_tried_again_under_the_same_key(self):
        run = self.start_run("/call node__test__hang {}")
        first = self.node.wait_until(lambda: next(
            (r["params"] for r in self.node.requests if r["method"] == "capability.invoke"), None), "the call")
        self.node.abort()
        again = reconnect(self.gateway, self.device, self.node.ledger, self.node.memory)
        self.addCleanup(again.close)
        second = again.wait_until(lambda: next(
            (r["params"] for r in again.requests if r["method"] == "capability.invoke"), None), "the call again")
        self.assertEqual(first["idempotency_key"], second["idempotency_key"])
        again.released.set()
        self.wait_run(run["run_id"])

    def test_cancel_of_a_run_reaches_the_node(self):
        run = self.start_run("/call node__test__hang {}")
        self.node.wait_until(lambda: any(r["method"] == "capability.invoke" for r in self.node.requests), "the call")
        self.admin.call("run.cancel", {"run_id": run["run_id"]})
        self.node.wait_until(lambda: self.node.memory.get("cancelled"), "capability.cancel")
        self.wait_run(run["run_id"], "cancelled")
        self.node.released.set()

    def test_revoked_is_closed_and_served_no_more(self):
        self.admin.call("node.revoke", {"node": self.device.id, "reason": "lost"})
        self.assertEqual(4403, self.node.wait_for_close(timeout=5).code)
        self.assertEqual("revoked", self.admin.call("node.get", {"node": self.device.id})["state"])
        with self.assertRaises(Refused):
            reconnect(self.gateway, self.device, self.node.ledger, self.node.memory)
        with self.assertRaises(RpcError):
            self.invoke("look")

    def test_rename(self):
        self.admin.call("node.rename", {"node": self.device.id, "label": "kitchen"})
        self.assertEqual(self.device.id, self.admin.call("node.get", {"node": "kitchen"})["device_id"])

    def test_update_replaces_the_capabilities(self):
        self.node.call("capability.update", {"capabilities": []})
        self.assertEqual([], self.admin.call("node.get", {"node": self.device.id})["capabilities"])
        self.assert_refused(-32003, self.invoke, "look")

    def test_tools_are_listed_with_schema_source_and_risk(self):
        tools = {tool["name"]: tool for tool in self.admin.call("tool.list", {"limit": 1000})["items"]}
        self.assertEqual("dangerous", tools["node__test__act"]["risk"])
        self.assertIn("input_schema", tools["node__test__act"])

    def test_what_the_pairing_does_not_allow_cannot_be_called(self):
        node, device = self.pair_node(allow=["test.look"], label="narrow")
        self.addCleanup(lambda: self.admin.call("node.revoke", {"node": device.id}))
        params = {"node": device.id, "capability": "test", "arguments": {}}
        self.admin.call("node.invoke", {**params, "operation": "look"})
        with self.assertRaises(RpcError) as caught:
            self.admin.call("node.invoke", {**params, "operation": "show"})
        self.assertIn(caught.exception.code, (-32003, -32010))
        self.assertFalse([r for r in node.requests if r["params"].get("operation") == "show"])

    def test_of_two_nodes_the_argument_node_chooses(self):
        other, device = self.pair_node(label="the other")
        self.addCleanup(lambda: self.admin.call("node.revoke", {"node": device.id}))
        run = self.run_text('/call node__test__look {"node":"the other","key":"chosen"}')
        self.assertIn("chosen", run["output"]["text"])
        self.assertTrue([r for r in other.requests if r["method"] == "capability.invoke"])
        self.assertFalse([r for r in self.node.requests if r["method"] == "capability.invoke"])

    def test_progress_of_others_calls_and_garbage_is_ignored(self):
        for params in ({"invocation_id": "inv_01KAJ7R8B3ZQ4M8Y5V0S1T2W3X", "fraction": 0.1}, {"x": 1}, [], {"invocation_id": 17}):
            self.node.send({"jsonrpc": "2.0", "method": "capability.progress", "params": params})
        self.assertIn("server_time", self.node.call("ping"))

    def test_garbage_answers_of_a_node_fail_the_call_and_not_the_gateway(self):
        answers = [{"result": 17}, {"result": {"result": 1, "more": 2}}, {"error": "no"}, {}, {"result": {}},
                   {"error": {"code": "x", "message": 1}}]
        original = self.node._invoke
        for answer in answers:
            with self.subTest(answer=answer):
                self.node._invoke = lambda request, a=answer: self.node.send(
                    {"jsonrpc": "2.0", "id": request["id"], **a})
                with self.assertRaises(RpcError) as caught:
                    self.invoke("look", timeout_ms=3000)
                self.assertIn(caught.exception.code, (-32015, -32007, -32603))
        self.node._invoke = original


class ArtifactTest(Scenario):
    def put(self, content, artifact_id=None, token="own", media_type="text/plain"):
        artifact_id = artifact_id or "art_" + base32(hashlib.sha256(content).digest())
        return artifact_id, self.gateway.request(
            "PUT", f"/v1/artifacts/{artifact_id}", content, {"Content-Type": media_type}, token)

    def test_bytes_go_up_and_come_down_in_ranges(self):
        content = bytes(i * 7 % 256 for i in range(100_000))
        artifact_id, answer = self.put(content)
        self.assertIn(answer.status, (200, 201, 204))
        path = f"/v1/artifacts/{artifact_id}"
        whole = self.gateway.request("GET", path)
        self.assertEqual((200, content), (whole.status, whole.body))
        for header, start, end in (("bytes=0-9", 0, 10), ("bytes=99990-", 99990, 100_000), ("bytes=-10", 99990, 100_000),
                                   ("bytes=5-5", 5, 6), ("bytes=99999-200000", 99999, 100_000)):
            with self.subTest(range=header):
                part = self.gateway.request("GET", path, headers={"Range": header})
                self.assertEqual((206, content[start:end]), (part.status, part.body))
                self.assertEqual(f"bytes {start}-{end - 1}/100000", part.headers["content-range"])
        self.assertEqual(416, self.gateway.request("GET", path, headers={"Range": "bytes=100000-"}).status)
        self.assertEqual(200, self.gateway.request("GET", path, headers={"Range": "nonsense"}).status)

    def test_other_bytes_than_the_id_says_are_refused(self):
        artifact_id = "art_" + base32(hashlib.sha256(b"these").digest())
        _, answer = self.put(b"those", artifact_id)
        self.assertEqual((400, -32602), (answer.status, answer.json["code"]))
        self.assertEqual(404, self.gateway.request("GET", f"/v1/artifacts/{artifact_id}").status)

    def test_names_and_types_that_no_reply_could_show_are_refused(self):
        artifact_id = "art_" + base32(hashlib.sha256(b"these").digest())
        for query, media_type in (("?name=a%2Fb", "text/plain"), ("", "nonsense"), ("?name=" + "n" * 256, "text/plain")):
            answer = self.gateway.request("PUT", f"/v1/artifacts/{artifact_id}{query}", body=b"these",
                                          headers={"Content-Type": media_type})
            self.assertEqual((400, -32602), (answer.status, answer.json["code"]), answer)
            self.assertTrue(answer.json["data"]["details"])
        self.assertEqual(404, self.gateway.request("GET", f"/v1/artifacts/{artifact_id}").status)

    def test_the_status_of_a_problem_is_that_of_http(self):
        for method, path, status in (("PUT", "/rpc", 405), ("GET", "/rpc/ping", 405), ("GET", "/v1/artifacts/none", 404)):
            answer = self.gateway.request(method, path)
            self.assertEqual((status, status), (answer.status, answer.json["status"]), answer)

    def test_empty_and_large_artifacts(self):
        for size in (0, 9 << 20):
            with self.subTest(size=size):
                content = b"\xa5" * size
                artifact_id, answer = self.put(content)
                self.assertIn(answer.status, (200, 201, 204))
                self.assertEqual(content, self.gateway.request("GET", f"/v1/artifacts/{artifact_id}").body)

    def test_a_put_again_is_the_same(self):
        for _ in range(3):
            _, answer = self.put(b"again")
            self.assertIn(answer.status, (200, 201, 204))

    def test_ids_are_no_paths(self):
        for artifact_id in ("art_x", "..", "art_" + "a" * 51, "art_" + "A" * 52, "art_" + "1" * 52, "art_" + "a" * 53):
            with self.subTest(id=artifact_id):
                self.assertIn(self.gateway.request("GET", f"/v1/artifacts/{artifact_id}").status, (400, 404))

    def test_artifacts_of_another_principal_are_not_found(self):
        artifact_id, _ = self.put(b"mine alone", token=self.issue(["read", "write"], principal="user:owner"))
        other = self.issue(["read", "write"], principal="user:stranger")
        self.assertEqual(404, self.gateway.request("GET", f"/v1/artifacts/{artifact_id}", token=other).status)

    def test_a_page_in_an_artifact_never_runs_with_our_origin(self):
        artifact_id, _ = self.put(b"<script>alert(1)</script>", media_type="text/html")
        answer = self.gateway.request("GET", f"/v1/artifacts/{artifact_id}")
        self.assertEqual("nosniff", answer.headers.get("x-content-type-options"))
        self.assertTrue("sandbox" in answer.headers.get("content-security-policy", "")
                        or "attachment" in answer.headers.get("content-disposition", ""), answer.headers)


if __name__ == "__main__":
    unittest.main()
