"""Sessions, runs, tapes, events and idempotency (protocol.md 4 to 7)."""
import contextlib
import itertools
import json
import threading
import unittest

import canonical
from gateway import RpcError
from peer import Peer, client
from scenario import Scenario

TERMINAL = ("succeeded", "failed", "cancelled")


class RunTest(Scenario):
    def test_plain_text_is_answered(self):
        run = self.run_text("hello there")
        self.assertEqual("You said: hello there", run["output"]["text"])
        items = self.assert_verified(run["run_id"])
        kinds = [item["kind"] for item in items]
        for kind in ("input", "provider_request", "provider_response", "status_change"):
            self.assertIn(kind, kinds)
        changes = [(i["payload"].get("from"), i["payload"]["to"]) for i in items if i["kind"] == "status_change"]
        self.assertEqual([("accepted", "running"), ("running", "succeeded")],
                         [change for change in changes if change[0] and change[0] != change[1]])
        for member in ("agent", "created_at", "started_at", "finished_at", "usage", "steps", "session_id"):
            self.assertIn(member, run)

    def test_directives_of_the_demo_model(self):
        cases = [
            ("/say one\n/say two", "succeeded", ["one", "two"]),
            ("/sleep 20\n/say after", "succeeded", ["after"]),
            ("/fail transient 2\n/say at last", "succeeded", ["at last"]),
            ("/fail permanent", "failed", []),
        ]
        for text, state, said in cases:
            with self.subTest(text=text):
                run = self.run_text(text, state)
                for each in said:
                    self.assertIn(each, run["output"]["text"])
                items = self.assert_verified(run["run_id"])
                kinds = [item["kind"] for item in items]
                self.assertEqual(2 if "transient" in text else 1 if "permanent" in text else 0, kinds.count("provider_error"))
                if state == "failed":
                    self.assertTrue(run["error"])

    def test_a_session_keeps_its_messages_in_order(self):
        first = self.run_text("one", session_key="order")
        second = self.run_text("two", session_key="order")
        self.assertEqual(first["session_id"], second["session_id"])
        history = self.admin.call("session.history", {"session_id": first["session_id"]})["items"]
        texts = [json.dumps(message) for message in history]
        positions = [next(i for i, text in enumerate(texts) if word in text)
                     for word in ("one", "You said: one", "two", "You said: two")]
        self.assertEqual(sorted(positions), positions)

    def test_runs_of_one_session_never_overlap_and_keep_their_order(self):
        runs = [self.start_run(f"/sleep 30\n/say {n}", session_key="queue") for n in range(6)]
        finished = [self.wait_run(run["run_id"]) for run in runs]
        for earlier, later in itertools.pairwise(finished):
            self.assertLessEqual(earlier["finished_at"], later["started_at"])

    def test_runs_of_many_sessions_all_succeed(self):
        ids = [self.admin.begin("run.start", {"input": {"text": f"message {n}"}}) for n in range(100)]
        runs = [self.admin.finish(each)["run_id"] for each in ids]
        self.assertEqual(100, len(set(runs)))
        for run in runs:
            self.wait_run(run)
        for run in runs[::20]:
            self.assert_verified(run)

    def test_session_keys_and_ids_must_agree(self):
        one = self.admin.call("session.resolve", {"session_key": "agree-1"})
        two = self.admin.call("session.resolve", {"session_key": "agree-2"})
        self.assertNotEqual(one["session_id"], two["session_id"])
        self.assertEqual(one["session_id"], self.admin.call("session.resolve", {"session_key": "agree-1"})["session_id"])
        self.assert_refused(-32004, self.admin.call, "session.resolve",
                            {"session_id": one["session_id"], "session_key": "agree-2"})
        unknown = "ses_01KAJ7R8B2H6N7P8Q9R0S1T2V3"
        self.assert_refused(-32003, self.admin.call, "session.resolve", {"session_id": unknown})
        self.assert_refused(-32003, self.admin.call, "run.start", {"session_id": unknown, "input": {"text": "x"}})

    def test_an_unknown_agent_is_not_found(self):
        self.assert_refused(-32003, self.admin.call, "run.start", {"agent": "nobody", "input": {"text": "x"}})

    def test_agents_can_be_made_listed_and_deleted(self):
        self.admin.call("agent.put", {"name": "poet", "model": "demo", "system_prompt": "Rhyme.", "max_turns": 3})
        self.assertEqual("Rhyme.", self.admin.call("agent.get", {"name": "poet"})["system_prompt"])
        names = [agent["name"] for agent in self.admin.call("agent.list")["items"]]
        self.assertLessEqual({"default", "poet"}, set(names))
        run = self.run_text("hi", agent="poet")
        self.assertEqual("poet", run["agent"])
        self.admin.call("agent.delete", {"name": "poet"})
        self.assert_refused(-32003, self.admin.call, "agent.get", {"name": "poet"})

    def test_a_fresh_store_has_the_default_agent(self):
        agent = self.admin.call("agent.get", {"name": "default"})
        self.assertEqual(("demo", ["*"], 64), (agent["model"], agent["tools"], agent["max_turns"]))

    def test_cancel_ends_a_run_in_the_middle_of_a_turn(self):
        run = self.start_run("/sleep 60000")
        subscription = self.admin.call("run.subscribe", {"run_id": run["run_id"]})["subscription_id"]
        self.admin.wait_until(lambda: any(i["kind"] == "provider_request" for i in self.admin.tape_items(subscription)),
                              "the turn to begin")
        self.admin.call("run.cancel", {"run_id": run["run_id"], "reason": "enough"})
        self.wait_run(run["run_id"], "cancelled", timeout_s=5)
        self.assert_verified(run["run_id"])
        self.assert_refused(-32004, self.admin.call, "run.cancel", {"run_id": run["run_id"]})

    def test_cancel_of_a_queued_run(self):
        first = self.start_run("/sleep 60000", session_key="cancel-queued")
        second = self.start_run("never", session_key="cancel-queued")
        self.admin.call("run.cancel", {"run_id": second["run_id"]})
        self.wait_run(second["run_id"], "cancelled")
        self.admin.call("run.cancel", {"run_id": first["run_id"]})
        self.wait_run(first["run_id"], "cancelled", timeout_s=5)

    def test_a_deadline_fails_the_run(self):
        run = self.run_text("/sleep 60000", "failed", deadline_ms=200)
        self.assertIn("deadline", json.dumps(run["error"]))

    def test_input_is_taken_in_before_the_next_turn(self):
        run = self.start_run("/sleep 400\n/say first")
        self.admin.call("run.input", {"run_id": run["run_id"], "text": "/say second"})
        done = self.wait_run(run["run_id"])
        self.assertIn("second", done["output"]["text"])
        items = self.assert_verified(run["run_id"])
        self.assertEqual(2, [i["kind"] for i in items].count("input"))
        self.assert_refused(-32004, self.admin.call, "run.input", {"run_id": run["run_id"], "text": "late"})

    def test_run_get_waits_no_longer_than_it_was_told(self):
        run = self.start_run("/sleep 60000")
        answer = self.admin.call("run.get", {"run_id": run["run_id"], "wait_ms": 100})
        self.assertIn(answer["state"], ("accepted", "running"))
        self.admin.call("run.cancel", {"run_id": run["run_id"]})

    def test_lists_page_without_a_hole(self):
        started = {self.start_run(f"{n}", session_key="pages")["run_id"] for n in range(7)}
        session = self.admin.call("session.resolve", {"session_key": "pages"})["session_id"]
        seen, after = [], {}
        while True:
            page = self.admin.call("run.list", {"session_id": session, "limit": 2, **after})
            self.assertLessEqual(len(page["items"]), 2)
            seen += [run["run_id"] for run in page["items"]]
            if "next" not in page:
                break
            after = {"after": page["next"]}
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual(started, set(seen))
        for run in started:
            self.wait_run(run)
        states = {run["state"] for run in self.admin.call("run.list", {"session_id": session, "state": "succeeded"})["items"]}
        self.assertEqual({"succeeded"}, states)

    def test_sessions_can_be_listed_and_deleted(self):
        run = self.run_text("x", session_key="short-lived")
        listed = [session["session_id"] for session in self.admin.call("session.list", {"limit": 1000})["items"]]
        self.assertIn(run["session_id"], listed)
        self.admin.call("session.delete", {"session_id": run["session_id"]})
        self.assert_refused(-32003, self.admin.call, "session.get", {"session_id": run["session_id"]})

    def test_status_counts(self):
        status = self.admin.call("gateway.status")
        self.assertEqual(self.gateway.ready["instance_id"], status["instance_id"])
        self.assertIn(status["store"]["backend"], ("sqlite", "postgresql", "postgres"))
        self.assertGreaterEqual(status["connections"] if isinstance(status["connections"], int)
                                else sum(status["connections"].values()), 1)


class SmallPrintTest(Scenario):
    def tape(self, run_id):
        return self.admin.call("run.tape", {"run_id": run_id})["items"]

    def test_input_to_a_run_that_is_cancelled_in_the_queue_is_on_its_tape(self):
        first = self.start_run("/sleep 20000", session_key="iq")
        second = self.start_run("later", session_key="iq")["run_id"]
        self.admin.call("run.input", {"run_id": second, "text": "one more thing"})
        self.admin.call("run.cancel", {"run_id": second, "reason": "first"})
        self.assertIn("one more thing", [i["payload"].get("text") for i in self.tape(second)])
        self.admin.call("run.cancel", {"run_id": first["run_id"], "reason": "first"})
        with contextlib.suppress(RpcError):  # it may have ended
            self.admin.call("run.cancel", {"run_id": first["run_id"], "reason": "second"})
        self.wait_run(first["run_id"], "cancelled")
        self.assertEqual("first", self.tape(first["run_id"])[-1]["payload"]["reason"])

    def test_the_trace_stands_on_the_tape(self):
        trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
        run = self.start_run("x", _meta={"traceparent": trace})
        self.wait_run(run["run_id"])
        self.assertIn(trace, [i["payload"].get("traceparent") for i in self.tape(run["run_id"])])

    def test_a_session_goes_on_with_default_when_its_agent_is_gone(self):
        self.admin.call("agent.put", {"name": "short-lived", "model": "demo"})
        self.wait_run(self.start_run("x", session_key="orphan", agent="short-lived")["run_id"])
        self.admin.call("agent.delete", {"name": "short-lived"})
        self.assertEqual("default", self.wait_run(self.start_run("y", session_key="orphan")["run_id"])["agent"])

    def test_a_permanent_failure_is_not_to_be_tried_again(self):
        ended = self.wait_run(self.start_run("/fail permanent")["run_id"], "failed")
        self.assertFalse(ended["error"]["data"]["retryable"])

    def test_deltas_have_ids_of_their_own(self):
        self.admin.call("events.subscribe", {"topics": ["runs"]})
        run = self.start_run("/say one two three")["run_id"]
        self.wait_run(run)
        deltas = self.admin.wait_until(lambda: [
            e for n in self.admin.notifications if n["method"] == "event" for e in n["params"]["events"]
            if e["type"] == "run.delta"], "a delta")
        self.assertEqual(len(deltas), len({e["event_id"] for e in deltas}))


class TapeTest(Scenario):
    def test_a_subscriber_from_the_start_sees_every_item_once_and_the_end(self):
        run = self.start_run("/sleep 50\n/say one two three\n/fail transient 1\n/say four")
        answer = self.admin.call("run.subscribe", {"run_id": run["run_id"]})
        end = self.admin.wait_for("tape.end", lambda p: p["subscription_id"] == answer["subscription_id"])
        self.assertEqual("succeeded", end["state"])
        items = self.admin.tape_items(answer["subscription_id"])
        canonical.check_tape(items)
        self.assertEqual(items, self.tape_of(run["run_id"]))

    def test_a_subscriber_in_the_middle_sees_the_rest_once(self):
        run = self.run_text("/say one")
        whole = self.tape_of(run["run_id"])
        for after in (0, 1, len(whole) // 2, len(whole)):
            with self.subTest(after=after):
                peer = client(self.gateway)
                self.addCleanup(peer.close)
                subscription = peer.call("run.subscribe", {"run_id": run["run_id"], "after_seq": after})["subscription_id"]
                peer.wait_for("tape.end", lambda p, s=subscription: p["subscription_id"] == s)
                self.assertEqual(whole[after:], peer.tape_items(subscription))

    def test_many_subscribers_of_a_live_run_miss_nothing(self):
        run = self.start_run("\n".join(["/sleep 5\n/say a b c d\n/fail transient 1"] * 3))
        peers = [client(self.gateway) for _ in range(10)]
        subscriptions = [peer.call("run.subscribe", {"run_id": run["run_id"]})["subscription_id"] for peer in peers]
        self.wait_run(run["run_id"])
        whole = self.tape_of(run["run_id"])
        for peer, subscription in zip(peers, subscriptions):
            peer.wait_for("tape.end", lambda p, s=subscription: p["subscription_id"] == s)
            self.assertEqual(whole, peer.tape_items(subscription))
            peer.close()

    def test_deltas_stream_and_add_up_to_the_response(self):
        run = self.start_run("/sleep 100\n/say alpha beta gamma delta")
        self.admin.call("events.subscribe", {"topics": [f"run:{run['run_id']}"]})
        self.admin.wait_for_event("run.state_changed", lambda p: p["to"] == "succeeded")
        deltas = [e["payload"] for e in self.admin.events() if e["type"] == "run.delta"]
        if deltas:
            self.assertGreater(len(deltas), 1, "it does not stream")
            for first, second in itertools.pairwise(deltas):
                if (first["step_id"], first["attempt"]) == (second["step_id"], second["attempt"]):
                    self.assertEqual(first["offset"] + len(first["text"]), second["offset"])
            response = next(i for i in self.tape_of(run["run_id"]) if i["kind"] == "provider_response")
            self.assertEqual(response["payload"]["text"], "".join(d["text"] for d in deltas))
        self.assertTrue(deltas, "no delta came")

    def test_ndjson_and_sse_give_the_same_tape(self):
        run = self.run_text("/say over http")
        whole = self.tape_of(run["run_id"])
        lines = self.gateway.request("GET", f"/v1/runs/{run['run_id']}/tape")
        self.assertEqual("application/x-ndjson", lines.headers["content-type"].split(";")[0])
        self.assertEqual(whole, [json.loads(line) for line in lines.body.splitlines()])
        rest = self.gateway.request("GET", f"/v1/runs/{run['run_id']}/tape?after_seq=2")
        self.assertEqual(whole[2:], [json.loads(line) for line in rest.body.splitlines()])
        stream = self.gateway.request("GET", f"/v1/runs/{run['run_id']}/tape", headers={"Accept": "text/event-stream"})
        self.assertEqual("text/event-stream", stream.headers["content-type"].split(";")[0])
        self.assertEqual(whole, server_sent(stream.body, whole_type=dict))

    def test_sse_follows_a_live_tape_to_its_end(self):
        run = self.start_run("/sleep 300\n/say live")
        stream = self.gateway.request("GET", f"/v1/runs/{run['run_id']}/tape", headers={"Accept": "text/event-stream"})
        items = server_sent(stream.body, whole_type=dict)
        canonical.check_tape(items)
        self.assertEqual(items, self.tape_of(run["run_id"]))

    def test_tape_of_an_unknown_run_is_404(self):
        self.assertEqual(404, self.gateway.request("GET", "/v1/runs/run_01KAJ7R8B3ZQ4M8Y5V0S1T2W3X/tape").status)


def server_sent(body, whole_type):
    """The data of each server-sent event of a finished stream, comments left out."""
    found = []
    for block in body.decode().replace("\r\n", "\n").split("\n\n"):
        data = [line[5:].lstrip(" ") for line in block.split("\n") if line.startswith("data:")]
        if data:
            value = json.loads("\n".join(data))
            if isinstance(value, whole_type) and "seq" in value:
                found.append(value)
    return found


class EventTest(Scenario):
    def subscribe(self, peer, topics, after=None):
        return peer.call("events.subscribe", {"topics": topics, **({"after": after} if after else {})})

    def durable(self, peer):
        return [e for e in peer.events() if not e.get("ephemeral")]

    def test_state_changes_arrive_in_order(self):
        self.subscribe(self.admin, ["runs"])
        run = self.start_run("/say x")
        self.admin.wait_for_event("run.state_changed",
                                  lambda p: p["run_id"] == run["run_id"] and p["to"] == "succeeded")
        changes = [e["payload"]["to"] for e in self.admin.events()
                   if e["type"] == "run.state_changed" and e["payload"]["run_id"] == run["run_id"]]
        self.assertEqual(["running", "succeeded"], [state for state in changes if state != "accepted"])

    def test_no_notification_precedes_its_reply(self):
        self.run_text("/say x")
        peer = client(self.gateway)
        self.addCleanup(peer.close)
        order = []
        original = peer._received

        def spy(message):
            order.append(message.get("method", "reply"))
            original(message)
        peer._received = spy
        self.subscribe(peer, ["*"], self.beginning())
        peer.wait_for("event")
        self.assertEqual("reply", order[0])

    def test_no_notification_precedes_the_replies_of_its_batch(self):
        run = self.run_text("/say x")
        working = self.start_run("/sleep 700")
        peer = client(self.gateway)
        self.addCleanup(peer.close)
        order = []
        original = peer._received

        def spy(message):
            order.append(message.get("method", "reply"))
            original(message)
        peer._received = spy
        calls = [("events.subscribe", {"topics": ["*"], "after": self.beginning()}),
                 ("run.subscribe", {"run_id": run["run_id"]}), ("run.get", {"run_id": working["run_id"], "wait_ms": 9000})]
        peer.send([{"jsonrpc": "2.0", "id": f"b{n}", "method": method, "params": params}
                   for n, (method, params) in enumerate(calls)])
        peer.wait_for("tape.end")
        peer.wait_for_event("run.state_changed", lambda p: (p["run_id"], p["to"]) == (working["run_id"], "succeeded"))
        self.assertEqual(["reply"] * 3, order[:3])

    def beginning(self):
        """A cursor from before this test's own events."""
        return self.admin.connected["cursor"]

    def test_a_broader_topic_matches_and_a_subscription_gets_an_event_once(self):
        topics = ["runs", "*"]
        session = self.admin.call("session.resolve", {"session_key": "topics"})["session_id"]
        subscription = self.subscribe(self.admin, topics + [f"session:{session}"])["subscription_id"]
        run = self.start_run("/say x", session_key="topics")
        self.admin.wait_for_event("run.state_changed",
                                  lambda p: p["run_id"] == run["run_id"] and p["to"] == "succeeded")
        ids = [e["event_id"] for n in self.admin.notifications if n["method"] == "event"
               and n["params"]["subscription_id"] == subscription for e in n["params"]["events"] if not e.get("ephemeral")]
        self.assertEqual(len(ids), len(set(ids)))

    def test_resume_by_cursor_misses_nothing_and_doubles_nothing(self):
        witness = client(self.gateway)
        self.addCleanup(witness.close)
        start = self.subscribe(witness, ["runs"])["cursor"]
        runs = [self.start_run(f"/sleep {n % 7}\n/say {n}")["run_id"] for n in range(20)]
        got, cursor, reconnects = [], start, 0
        peer = client(self.gateway)
        self.subscribe(peer, ["runs"], cursor)
        for stage in range(6):
            wanted = min(len(got) + 7, 40)
            peer.wait_until(lambda p=peer, w=wanted, g=len(got): g + len(self.durable(p)) >= w or self.is_over(p), "events")
            with peer.changed:
                frames = [n["params"] for n in peer.notifications if n["method"] == "event"]
            got += [e for frame in frames for e in frame["events"] if not e.get("ephemeral")]
            cursor = frames[-1]["cursor"] if frames else cursor
            peer.abort()
            reconnects += 1
            peer = client(self.gateway)
            self.subscribe(peer, ["runs"], cursor)
        for run in runs:
            self.wait_run(run)
        last = runs[-1]
        for each in (witness, ):
            for run in runs:
                each.wait_for_event("run.state_changed", lambda p, r=run: p["run_id"] == r and p["to"] == "succeeded")
        expected = [e["event_id"] for e in self.durable(witness)]
        peer.wait_until(lambda: len({e["event_id"] for e in got + self.durable(peer)}) >= len(expected), "the rest")
        got += self.durable(peer)
        peer.close()
        self.assertGreater(reconnects, 3, last)
        ids = [e["event_id"] for e in got]
        self.assertEqual(set(expected), set(ids))
        self.assertEqual(len(ids), len(set(ids)), "an event came twice although the cursor was kept")

    def is_over(self, peer):
        return any(n["method"] == "event" for n in peer.notifications)

    def test_replay_and_live_have_no_gap_between_them(self):
        cursor = client(self.gateway).connected["cursor"]
        stop = threading.Event()
        started = []

        def keep_starting():
            peer = client(self.gateway)
            while not stop.is_set() and len(started) < 300:
                started.append(peer.call("run.start", {"input": {"text": "x"}})["run_id"])
            peer.close()
        worker = threading.Thread(target=keep_starting)
        worker.start()
        peers = []
        for _ in range(8):
            peer = client(self.gateway)
            self.addCleanup(peer.close)
            self.subscribe(peer, ["runs"], cursor)
            peers.append(peer)
        stop.set()
        worker.join()
        for peer in peers:
            for run in started:
                peer.wait_for_event("run.state_changed", lambda p, r=run: p["run_id"] == r and p["to"] == "succeeded")
        sequences = [[e["event_id"] for e in self.durable(peer)] for peer in peers]
        for sequence in sequences:
            self.assertEqual(len(sequence), len(set(sequence)))
            self.assertEqual(set(sequences[0]), set(sequence))

    def test_unsubscribe_ends_a_subscription(self):
        subscription = self.subscribe(self.admin, ["runs"])["subscription_id"]
        self.admin.call("events.unsubscribe", {"subscription_id": subscription})
        run = self.run_text("x")
        self.assertEqual([], [e for e in self.admin.events() if e["payload"].get("run_id") == run["run_id"]])
        self.assert_refused(-32003, self.admin.call, "events.unsubscribe", {"subscription_id": subscription})

    def test_bad_cursors_are_refused(self):
        for cursor in ("nonsense", "", "99999999", "a" * 200):
            with self.subTest(cursor=cursor):
                with self.assertRaises(Exception) as caught:
                    self.subscribe_raw(cursor)
                self.assertIn(caught.exception.code, (-32602, -32014))

    def subscribe_raw(self, cursor):
        return self.admin.call("events.subscribe", {"topics": ["runs"], "after": cursor})

    def test_unknown_topics_are_refused(self):
        for topic in ("no-such", "run:", "", "runs "):
            with self.subTest(topic=topic):
                self.assert_refused(-32602, self.admin.call, "events.subscribe", {"topics": [topic]})

    def test_server_sent_events_resume_by_last_event_id(self):
        import http.client
        cursor = self.admin.connected["cursor"]
        run = self.run_text("/say sse")

        def first_events(headers, query):
            connection = http.client.HTTPConnection(self.gateway.address, timeout=20)
            connection.request("GET", f"/events?topics=runs{query}",
                               headers={"Authorization": f"Bearer {self.gateway.token}", **headers})
            answer = connection.getresponse()
            self.assertEqual(200, answer.status)
            found, last = [], None
            while not any(e.get("payload", {}).get("to") == "succeeded"
                          and e["payload"]["run_id"] == run["run_id"] for e in found):
                line = answer.readline().decode().rstrip("\n\r")
                if line.startswith("id:"):
                    last = line[3:].strip()
                elif line.startswith("data:"):
                    value = json.loads(line[5:])
                    found += value if isinstance(value, list) else value.get("events", [value])
            connection.close()
            return found, last
        by_query, last = first_events({}, f"&after={cursor}")
        by_header, _ = first_events({"Last-Event-ID": cursor}, "")
        self.assertTrue(last)
        self.assertEqual([e["event_id"] for e in by_query], [e["event_id"] for e in by_header])

    def test_every_server_sent_event_has_a_cursor_of_its_own(self):
        cursor = self.admin.connected["cursor"]
        run = self.run_text("/say numbered")
        seen = self.stored_events(f"/events?topics=run:{run['run_id']}&after={cursor}", "succeeded")
        self.assertGreater(len(seen), 1)
        self.assertEqual(len(seen), len({at for at, _ in seen}), seen)
        rest = self.stored_events(f"/events?topics=run:{run['run_id']}&after={seen[0][0]}", "succeeded")
        self.assertEqual(seen[1:], rest)

    def test_topics_of_a_stream_are_checked_as_those_of_a_subscription(self):
        for topics in ("no-such-topic", ",", ",".join(["runs"] * 65)):
            answer = self.gateway.request("GET", f"/events?topics={topics}")
            self.assertEqual((400, -32602), (answer.status, answer.json["code"]))
            self.assertIn("/topics", answer.json["data"]["details"][0]["path"])
        answer = self.gateway.request("GET", "/events?after=nowhere")
        self.assertEqual((400, "/after"), (answer.status, answer.json["data"]["details"][0]["path"]))

    def stored_events(self, path, last_state):
        """(id, event_id) of each stored event of the stream, up to the run's last state."""
        found, cursor = [], None
        with self.gateway.stream(path) as answer:
            while True:
                line = answer.readline().decode().rstrip("\r\n")
                if line.startswith("id:"):
                    cursor = line[3:].strip()
                elif line.startswith("data:"):
                    event = json.loads(line[5:])
                    if event.get("ephemeral"):
                        continue
                    found.append((cursor, event["event_id"]))
                    cursor = None
                    if event["payload"].get("to") == last_state:
                        return found


class IdempotencyTest(Scenario):
    def test_the_same_key_gets_the_same_reply(self):
        params = {"input": {"text": "once"}, "idempotency_key": "once-1"}
        first = self.admin.call("run.start", params)
        again = client(self.gateway)
        self.addCleanup(again.close)
        self.assertEqual(first, again.call("run.start", params))
        self.assertEqual(first, self.gateway.call("run.start", params))
        self.assertEqual(first, self.gateway.call("run.start", {"idempotency_key": "once-1", "input": {"text": "once"},
                                                                "_meta": {}}))

    def test_the_same_key_with_other_params_is_a_mismatch(self):
        self.admin.call("run.start", {"input": {"text": "a"}, "idempotency_key": "mismatch"})
        self.assert_refused(-32012, self.admin.call, "run.start", {"input": {"text": "b"}, "idempotency_key": "mismatch"})

    def test_keys_belong_to_a_principal_and_a_method(self):
        first = self.admin.call("run.start", {"input": {"text": "a"}, "idempotency_key": "shared"})
        other = client(self.gateway, self.issue(["read", "write"], principal="user:other"))
        self.addCleanup(other.close)
        self.assertNotEqual(first["run_id"],
                            other.call("run.start", {"input": {"text": "a"}, "idempotency_key": "shared"})["run_id"])
        self.admin.call("session.resolve", {"session_key": "shared", "idempotency_key": "shared"})

    def test_concurrent_calls_of_one_key_have_one_effect(self):
        peers = [client(self.gateway) for _ in range(8)]
        for round_ in range(10):
            params = {"session_key": f"concurrent-{round_}", "input": {"text": "x"}, "idempotency_key": f"concurrent-{round_}"}
            ids = [(peer, peer.begin("run.start", params)) for peer in peers for _ in range(2)]
            runs = {peer.finish(request)["run_id"] for peer, request in ids}
            self.assertEqual(1, len(runs))
            session = self.admin.call("session.resolve", {"session_key": f"concurrent-{round_}"})["session_id"]
            self.assertEqual(1, len(self.admin.call("run.list", {"session_id": session})["items"]))
        for peer in peers:
            peer.close()

    def test_an_error_is_not_kept(self):
        params = {"session_key": "not-kept", "agent": "later", "input": {"text": "x"}, "idempotency_key": "not-kept"}
        self.assert_refused(-32003, self.admin.call, "run.start", params)
        self.admin.call("agent.put", {"name": "later", "model": "demo"})
        self.admin.call("run.start", params)

    def test_secrets_are_not_in_a_replay(self):
        issued = self.admin.call("token.issue", {"kind": "client", "scopes": ["read"], "idempotency_key": "secret"})
        replay = self.admin.call("token.issue", {"kind": "client", "scopes": ["read"], "idempotency_key": "secret"})
        self.assertIn("token", issued)
        self.assertNotIn("token", replay)
        self.assertEqual(issued["token_id"], replay["token_id"])

    def test_every_mutating_method_takes_a_key(self):
        import contract
        for name, method in contract.callable_methods().items():
            if method["mutating"] and "client" in method["roles"] and name != "connect":
                with self.subTest(method=name):
                    try:
                        self.admin.call(name, {**contract.example_params(method), "idempotency_key": f"table-{name}"})
                    except Exception as error:
                        self.assertNotEqual(-32602, getattr(error, "code", None), error)


class SlowReaderTest(Scenario):
    config = None

    def test_a_peer_that_does_not_read_is_closed_and_others_go_on(self):
        import socket
        slow = Peer(self.gateway).connect()
        raw = slow.socket
        # The reader thread is stopped by taking its socket away; the kernel's buffers fill from here on.
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        run = self.run_text("/say " + "x" * 60_000)
        stopped = threading.Event()
        slow._received = lambda message: stopped.wait(60)
        ids = 0
        try:
            while ids < 3000:
                slow.begin("run.tape", {"run_id": run["run_id"]})
                ids += 1
                if ids % 100 == 0:
                    self.assertIn("server_time", self.admin.call("ping"))
        except OSError:
            pass
        self.assertIn("server_time", self.admin.call("ping"))
        self.assertLess(self.gateway.memory_bytes(), 400 << 20)
        stopped.set()
        slow.abort()


if __name__ == "__main__":
    unittest.main()
