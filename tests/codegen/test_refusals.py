"""The generator refuses what it can't turn into a type or what the validator would not enforce, and says where."""

import contextlib
import copy
import io
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "protocol" / "codegen"))
import generate  # noqa: E402
from contract import Contract  # noqa: E402
from refusal import Refusal  # noqa: E402

METHOD = {
    "method": "thing.do", "direction": "peer_to_gateway", "kind": "request", "roles": ["client"], "scope": "read",
    "mutating": False, "transport": ["ws", "http"], "summary": "Does a thing.",
    "params": {"type": "object", "properties": {}, "additionalProperties": False},
    "result": {"type": "object", "properties": {}, "additionalProperties": False},
    "errors": [], "examples": [],
}

# A schema of one member, and the pointer below the member at which it is refused.
MEMBERS = [
    ({"type": "string", "minLenght": 1}, "/minLenght"),
    ({"type": "string", "maximum": 1}, "/maximum"),
    ({"type": "string", "format": "email"}, "/format"),
    ({"type": "string", "pattern": "(?=a)b"}, "/pattern"),
    ({"type": "string", "pattern": "(a)\\1"}, "/pattern"),
    ({"type": "string", "pattern": "a{1,2000}"}, "/pattern"),
    ({"type": "string", "pattern": "("}, "/pattern"),
    ({"type": "string", "enum": ["a", "b"]}, "/enum"),
    ({"type": "integer", "multipleOf": 2}, "/multipleOf"),
    ({"type": "number", "enum": [1, 2]}, "/enum"),
    ({"type": "null"}, "/type"),
    ({"type": "text"}, "/type"),
    ({"type": ["string", "text"]}, "/type"),
    ({"type": ["string", "integer"], "maxLength": 3}, "/maxLength"),
    ({"anyOf": [{"type": "string"}]}, ""),
    ({"oneOf": []}, ""),
    ({"not": {}}, ""),
    ({"enum": ["a"]}, ""),
    ({"type": "object", "patternProperties": {}}, "/patternProperties"),
    ({"type": "object", "unevaluatedProperties": False}, "/unevaluatedProperties"),
    ({"type": "object", "dependentRequired": {}}, "/dependentRequired"),
    ({"type": "object", "properties": {"a": {"type": "string"}}}, ""),
    ({"type": "object", "properties": {"a": True}, "additionalProperties": True}, ""),
    ({"type": "object", "properties": {"A": True}, "additionalProperties": False}, "/properties/A"),
    ({"type": "object", "properties": {}, "required": ["a"], "additionalProperties": False}, "/required/0"),
    ({"type": "object", "required": ["a"]}, "/required"),
    ({"type": "array", "prefixItems": []}, "/prefixItems"),
    ({"type": "array", "contains": {}}, "/contains"),
    ({"type": "array", "items": {"type": "string", "format": "uri"}}, "/items/format"),
    ({"$ref": "../types/nothing.json"}, "/$ref"),
    ({"$ref": "#/$defs/a"}, "/$ref"),
    ({"$ref": "../types/run_state.json", "minLength": 1}, "/minLength"),
    ("text", ""),
]

# A change to a method's file, and the pointer at which it is refused.
METHODS = [
    ({"method": "other.name"}, "/method"),
    ({"direction": "sideways"}, "/direction"),
    ({"kind": "question"}, "/kind"),
    ({"kind": "notification"}, "/result"),
    ({"scope": "root"}, "/scope"),
    ({"roles": []}, "/roles"),
    ({"roles": ["server"]}, "/roles"),
    ({"transport": ["udp"]}, "/transport"),
    ({"mutating": "yes"}, "/mutating"),
    ({"errors": ["oops"]}, "/errors/0"),
    ({"since": "1.0"}, "/since"),
    ({"params": {"type": "object"}}, "/params"),
    ({"params": {"type": "string"}}, "/params"),
]


class TreeTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.schemas = self.folder / "schemas"
        (self.schemas / "types").mkdir(parents=True)
        (self.schemas / "methods").mkdir()
        shutil.copy(ROOT / "schemas" / "errors.json", self.schemas)
        for name in ("scope", "run_state", "idempotency_key", "request_meta"):
            shutil.copy(ROOT / "schemas" / "types" / f"{name}.json", self.schemas / "types")

    def write(self, path, document):
        (self.schemas / path).write_text(document if isinstance(document, str) else json.dumps(document))

    def refusal(self):
        with self.assertRaises(Refusal) as caught:
            generate.outputs(Contract(str(self.schemas)), "0.1.0")
        return caught.exception


class Refusals(TreeTest):
    def test_a_schema_without_a_type_is_refused_where_it_stands(self):
        for schema, pointer in MEMBERS:
            with self.subTest(schema=schema):
                method = copy.deepcopy(METHOD)
                method["params"]["properties"]["thing"] = schema
                self.write("methods/thing.do.json", method)
                refusal = self.refusal()
                self.assertEqual(refusal.file, "methods/thing.do.json")
                self.assertEqual(refusal.pointer, "/params/properties/thing" + pointer)
                self.assertGreater(len(refusal.sentence), 10)

    def test_a_method_with_a_wrong_envelope_is_refused(self):
        for change, pointer in METHODS:
            with self.subTest(change=change):
                self.write("methods/thing.do.json", {**copy.deepcopy(METHOD), **change})
                self.assertTrue(self.refusal().pointer.startswith(pointer))

    def test_what_the_generator_adds_may_not_be_there_already(self):
        for name in ("_meta", "idempotency_key"):
            method = copy.deepcopy(METHOD)
            method["params"]["properties"][name] = {"type": "string"}
            self.write("methods/thing.do.json", method)
            self.assertEqual(self.refusal().pointer, f"/params/properties/{name}")

    def test_files_that_are_not_json_or_say_a_thing_twice_are_refused(self):
        for text in ("{", '{"title": "a", "title": "b", "type": "string"}'):
            self.write("types/broken.json", text)
            self.assertEqual(self.refusal().file, "types/broken.json")

    def test_types_that_contain_themselves_are_refused(self):
        self.write("types/egg.json", {"type": "array", "items": {"$ref": "hen.json"}})
        self.write("types/hen.json", {"type": "array", "items": {"$ref": "egg.json"}})
        self.assertIn("egg -> hen -> egg", self.refusal().sentence)

    def test_enum_values_must_be_words_and_stand_once(self):
        for values in ([], ["a", "a"], ["A b"], [1], ["*"]):
            self.write("types/kind.json", {"type": "string", "enum": values})
            self.assertTrue(self.refusal().pointer.startswith("/enum"))

    def test_a_default_must_fit_its_type(self):
        bad = [
            {"type": "integer", "default": "1"}, {"type": "integer", "default": True}, {"type": "boolean", "default": 1},
            {"type": "string", "default": 1}, {"$ref": "../types/run_state.json", "default": "gone"},
        ]
        for schema in bad:
            with self.subTest(schema=schema):
                method = copy.deepcopy(METHOD)
                method["params"]["properties"]["thing"] = schema
                self.write("methods/thing.do.json", method)
                self.refusal()

    def test_a_refusal_ends_the_build_with_file_pointer_and_sentence(self):
        self.write("types/kind.json", {"type": "string", "format": "email"})
        out = self.folder / "out"
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(generate.main(["--schemas", str(self.schemas), "--out", str(out)]), 1)
        self.assertRegex(said.getvalue(), r"^schemas: types/kind\.json#/format: only .*\n$")
        self.assertFalse(out.exists())


class Outputs(TreeTest):
    def generated(self):
        self.assertEqual(
            generate.main(["--schemas", str(self.schemas), "--out", str(self.folder / "out"), "--version", "1"]), 0)
        return self.folder / "out"

    def test_a_file_is_written_only_where_its_text_changes(self):
        out = self.generated()
        before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
        self.write("types/kind.json", {"type": "string", "enum": ["a"]})
        self.generated()
        errors = out / "protocol/gen/errors.hpp"
        self.assertEqual(errors.stat().st_mtime_ns, before[errors])
        self.assertTrue((out / "protocol/gen/types/kind.hpp").exists())
        (self.schemas / "types/kind.json").unlink()
        self.generated()
        self.assertFalse((out / "protocol/gen/types/kind.hpp").exists())

    def test_a_method_gets_a_row_a_header_and_its_place_in_every_list(self):
        self.write("methods/thing.do.json", METHOD)
        out = self.generated()
        self.assertIn("make_thing_do", (out / "app/gen/method_table.cpp").read_text())
        self.assertIn("namespace gatehouse::protocol::thing_do", (out / "protocol/gen/methods/thing_do.hpp").read_text())
        self.assertIn("thing_do::descriptor", (out / "protocol/gen/method_list.cpp").read_text())
        self.assertIn('"thing.do"', (out / "protocol/gen/openrpc.cpp").read_text())
        self.assertIn('"thing.do"', (out / "web/protocol.ts").read_text())


if __name__ == "__main__":
    unittest.main()
