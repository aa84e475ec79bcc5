"""House rules of the contract itself, which no single schema shows."""

import json
import unittest
from pathlib import Path

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


METHODS = {path.stem: load(path) for path in sorted((SCHEMAS / "methods").glob("*.json"))}


def leaves(schema, folder, pointer=""):
    """Every schema below this one, references followed, with where it was reached."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        target = (folder / schema["$ref"]).resolve()
        yield from leaves(load(target), target.parent, pointer)
        return
    yield pointer, schema
    for name, inner in schema.get("properties", {}).items():
        yield from leaves(inner, folder, f"{pointer}/{name}")
    for keyword in ("items", "additionalProperties"):
        yield from leaves(schema.get(keyword), folder, f"{pointer}/{keyword}")


class Contract(unittest.TestCase):
    def test_whatever_a_peer_sends_is_bounded(self):
        for name, method in METHODS.items():
            if not method["direction"].endswith("_to_gateway"):
                continue
            for pointer, leaf in leaves(method["params"], SCHEMAS / "methods"):
                where = f"{name}#/params{pointer}"
                if leaf.get("type") == "string" and "enum" not in leaf and "format" not in leaf:
                    fixed = leaf.get("pattern", "").endswith("}$") and "*" not in leaf.get("pattern", "")
                    self.assertTrue("maxLength" in leaf or fixed, f"{where} has no maxLength")
                if leaf.get("type") == "array":
                    self.assertIn("maxItems", leaf, f"{where} has no maxItems")

    def test_lists_take_a_page_and_answer_one(self):
        for name, method in METHODS.items():
            if not name.endswith(".list") and name not in ("session.history", "run.tape"):
                continue
            with self.subTest(name):
                limit = method["params"]["properties"]["limit"]
                self.assertEqual(limit, {"default": 100, "$ref": "../types/page_limit.json"})
                self.assertEqual(set(method["result"]["properties"]), {"items", "next"})
                self.assertEqual(method["result"]["required"], ["items"])

    def test_the_first_release_s_methods_are_all_there(self):
        expected = """
            connect ping rpc.discover gateway.status agent.put agent.get agent.list agent.delete session.resolve
            session.get session.list session.history session.delete run.start run.get run.list run.subscribe run.tape
            run.cancel run.input run.verify approval.list approval.get approval.resolve policy.get policy.put
            policy.check grant.list grant.revoke pairing.invite pairing.list pairing.approve pairing.deny node.list
            node.get node.rename node.revoke node.invoke tool.list tool.invoke token.issue token.list token.revoke
            events.subscribe events.unsubscribe artifact.list artifact.get capability.invoke capability.cancel
            pairing.resolved capability.update capability.progress connect.challenge event tape tape.end
        """.split()
        self.assertLessEqual(set(expected), set(METHODS))

    def test_only_what_needs_a_connection_is_kept_from_http(self):
        for name, method in METHODS.items():
            alone = name in ("connect", "run.subscribe", "events.subscribe", "events.unsubscribe")
            expected = ["ws"] if alone or method["direction"] != "peer_to_gateway" else ["ws", "http"]
            self.assertEqual(method["transport"], expected, name)

    def test_what_changes_state_needs_more_than_read(self):
        for name, method in METHODS.items():
            if method["mutating"] and method["direction"] == "peer_to_gateway":
                self.assertIn(method["scope"], ("write", "approve", "pair", "admin"), name)


if __name__ == "__main__":
    unittest.main()
