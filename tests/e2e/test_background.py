"""Work in the background after a run: a session's label (run.start, session.get, session.updated)."""
import unittest

from peer import client
from scenario import Scenario


class LabelTest(Scenario):
    def say(self, key, *texts, **params):
        """Runs of one session to their end; the session's id."""
        for text in texts:
            run = self.run_text(text, session_key=key, **params)
        return run["session_id"]

    def session(self, session_id):
        return self.admin.call("session.get", {"session_id": session_id})

    def wait_for_label(self, session_id):
        self.admin.call("events.subscribe", {"topics": [f"session:{session_id}"]})
        if "label" not in self.session(session_id):
            self.admin.wait_for_event("session.updated", lambda told: told["session_id"] == session_id)
        return self.session(session_id)["label"]

    def test_a_conversation_that_goes_on_gets_a_label_and_nothing_else_shows(self):
        self.admin.call("events.subscribe", {"topics": ["*"]})
        session_id = self.say("grows", "Where do we keep the spare keys?", "And the ladder?")
        self.admin.wait_for_event("session.updated", lambda told: told["session_id"] == session_id)
        self.assertEqual("Where do we keep the spare", self.session(session_id)["label"])
        runs = {run["run_id"] for run in self.admin.call("run.list", {"session_id": session_id})["items"]}
        self.assertEqual(2, len(runs))
        self.assertEqual(4, len(self.admin.call("session.history", {"session_id": session_id})["items"]))
        for event in self.admin.events():
            self.assertIn(event["payload"].get("run_id"), runs | {None}, event)

    def test_a_label_that_a_person_gives_stays(self):
        named = self.admin.call("session.resolve", {"session_key": "named", "label": "Mine"})["session_id"]
        self.say("named", "one", "two")
        self.wait_for_label(self.say("unnamed", "one", "two"))  # so that what follows the other would have come
        self.assertEqual("Mine", self.session(named)["label"])
        self.admin.call("session.resolve", {"session_key": "unnamed", "label": "Ours"})
        self.assertEqual("Ours", self.session(self.say("unnamed", "three", "four"))["label"])

    def test_a_session_goes_with_what_is_done_for_it(self):
        for number in range(5):
            session_id = self.say(f"short-lived-{number}", "one", "two")
            self.admin.call("session.delete", {"session_id": session_id})
            self.assert_refused(-32003, self.admin.call, "session.get", {"session_id": session_id})
        self.wait_for_label(self.say("long-lived", "one", "two"))

    def test_it_outlives_a_crash(self):
        sessions = [self.say(f"crash-{number}", "Say it twice", "twice") for number in range(5)]
        self.gateway.kill()
        self.gateway.start()
        self.admin = client(self.gateway)
        self.addCleanup(self.admin.close)
        for session_id in sessions:
            self.assertEqual("Say it twice", self.wait_for_label(session_id))


class NoLabelTest(Scenario):
    config = "session_labels = false\n"

    def test_the_configuration_says_whether_there_are_labels(self):
        for text in ("one", "two"):
            session_id = self.run_text(text, session_key="plain")["session_id"]
        self.assertNotIn("label", self.admin.call("session.get", {"session_id": session_id}))
        # What follows a run is there as soon as that has ended.
        self.assertEqual(2, sum(self.admin.call("gateway.status")["runs"].values()))


if __name__ == "__main__":
    unittest.main()
