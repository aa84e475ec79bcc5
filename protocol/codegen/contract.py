"""Loads schemas/ whole and checks that its files fit together."""

import copy
import json
import os
import re

from dialect import Reader
from refusal import Refusal
from shapes import Enum, Method, NamedType, Payload, Struct

DIRECTIONS = ("peer_to_gateway", "node_to_gateway", "gateway_to_node", "gateway_to_peer")
SCOPES = (None, "read", "write", "approve", "pair", "admin")
METHOD_NAME = re.compile(r"^[a-z][a-z_]*(\.[a-z][a-z_]*)?$")
METHOD_KEYS = {
    "method", "direction", "kind", "roles", "scope", "mutating", "transport", "summary", "description", "params",
    "result", "errors", "examples",
}


def no_duplicates(file):
    def build(pairs):
        seen = {}
        for name, value in pairs:
            if name in seen:
                raise Refusal(file, "", f'the member "{name}" stands twice in one object')
            seen[name] = value
        return seen
    return build


def load(root, file):
    with open(os.path.join(root, file), encoding="utf-8") as source:
        try:
            return json.load(source, object_pairs_hook=no_duplicates(file))
        except json.JSONDecodeError as problem:
            raise Refusal(file, "", f"not JSON: {problem}") from None


def listed(root, folder):
    where = os.path.join(root, folder)
    names = sorted(os.listdir(where)) if os.path.isdir(where) else []
    return [f"{folder}/{name}" for name in names if name.endswith(".json")]


def stem(path):
    return os.path.basename(path)[: -len(".json")]


class Contract:
    def __init__(self, root):
        self.root = root
        self.errors = self.read_errors()
        self.types = {}
        files = {stem(path): path for path in listed(root, "types")}
        if os.path.exists(os.path.join(root, "config.json")):
            files["config"] = "config.json"
        self.type_files = files
        for name, path in files.items():
            self.types[name] = self.read_type(name, path)
        self.check_order()
        self.methods = [self.read_method(path) for path in listed(root, "methods")]
        self.events = [self.read_payload(path) for path in listed(root, "events")]
        self.tape = [self.read_payload(path) for path in listed(root, "tape")]
        for method in self.methods:
            if method.cpp_name in self.types:
                raise Refusal(method.path, "", f'a type is called "{method.cpp_name}" too; rename the type')

    def read_errors(self):
        file = "errors.json"
        rows = load(self.root, file)["errors"]
        seen = set()
        for i, row in enumerate(rows):
            if set(row) != {"kind", "code", "http", "retryable", "title"}:
                raise Refusal(file, f"/errors/{i}", "an error is {kind, code, http, retryable, title}")
            if row["kind"] in seen or row["code"] in seen:
                raise Refusal(file, f"/errors/{i}", "its kind or its code stands twice")
            seen |= {row["kind"], row["code"]}
        return rows

    def resolver(self, path):
        folder = os.path.dirname(path)

        def reference(text):
            target = os.path.normpath(os.path.join(folder, text))
            for name, file in self.type_files.items():
                if file == target and file != "config.json":
                    return name
            return None
        return reference

    def reader(self, path):
        return Reader(path, self.resolver(path))

    def read_type(self, name, path):
        schema = load(self.root, path)
        if not re.match(r"^[a-z][a-z0-9_]*$", name):
            raise Refusal(path, "", "a type's file is named like the type: snake_case.json")
        reader = self.reader(path)
        shape = reader.shape(schema, "", hint=name, top=True)
        return NamedType(name, path, schema, shape, reader.references)

    def check_order(self):
        """Sorts the types so that each stands after what it uses."""
        done, under_way, order = set(), [], []

        def visit(name):
            if name in done:
                return
            if name in under_way:
                raise Refusal(self.types[name].path, "", "refers to itself: " + " -> ".join(under_way + [name]))
            under_way.append(name)
            for used in self.types[name].references:
                visit(used)
            under_way.pop()
            done.add(name)
            order.append(name)
        for name in sorted(self.types):
            visit(name)
        self.types = {name: self.types[name] for name in order}

    def read_method(self, path):
        document = load(self.root, path)
        name = stem(path)
        self.check_method(path, name, document)
        document = copy.deepcopy(document)
        add_standard_params(path, document)
        params = self.reader(path)
        params_shape = params.shape(document["params"], "/params", hint="params", top=True)
        if not isinstance(params_shape, Struct):
            raise Refusal(path, "/params", "params is an object with listed properties")
        result_shape, result_references = None, []
        if document["kind"] == "request":
            result = self.reader(path)
            result_shape = result.shape(document["result"], "/result", hint="reply", top=True)
            result_references = result.references
            if isinstance(result_shape, Enum):
                raise Refusal(path, "/result/enum", "give the enum a file of its own in schemas/types")
        return Method(name, path, document, params_shape, result_shape, params.references, result_references)

    def check_method(self, path, name, document):
        def need(ok, pointer, sentence):
            if not ok:
                raise Refusal(path, pointer, sentence)
        need(METHOD_NAME.match(name), "", "a method's file is named noun.verb.json")
        unknown = sorted(set(document) - METHOD_KEYS)
        need(not unknown, "/" + (unknown or [""])[0], "is not a member of a method's file")
        for key in METHOD_KEYS - {"result", "description", "examples"}:
            need(key in document, "", f'"{key}" is missing')
        need(document["method"] == name, "/method", f'the file says "{name}"')
        need(document["direction"] in DIRECTIONS, "/direction", "is one of " + ", ".join(DIRECTIONS))
        need(document["kind"] in ("request", "notification"), "/kind", "is request or notification")
        need(("result" in document) == (document["kind"] == "request"), "/result", "requests have one, others none")
        need(document["scope"] in SCOPES, "/scope", "is null or one of " + ", ".join(SCOPES[1:]))
        need(isinstance(document["mutating"], bool), "/mutating", "is true or false")
        need(document["roles"] and set(document["roles"]) <= {"client", "node"}, "/roles", "lists client, node or both")
        need(document["transport"] and set(document["transport"]) <= {"ws", "http"}, "/transport", "lists ws, http")
        kinds = {row["kind"] for row in self.errors}
        for i, kind in enumerate(document["errors"]):
            need(kind in kinds, f"/errors/{i}", f'"{kind}" is not in errors.json')

    def read_payload(self, path):
        schema = load(self.root, path)
        reader = self.reader(path)
        shape = reader.shape(schema, "", hint=stem(path), top=True)
        if not isinstance(shape, Struct):
            raise Refusal(path, "", "a payload is an object with listed properties")
        return Payload(stem(path), path, schema, shape, reader.references)


def add_standard_params(path, document):
    """What every method takes, so that no file repeats it: _meta, and idempotency_key where the method changes state."""
    params = document["params"]
    properties = params.setdefault("properties", {})
    for name in ("_meta", "idempotency_key"):
        if name in properties and document["direction"] != "gateway_to_node":
            raise Refusal(path, f"/params/properties/{name}", "is added by the generator; leave it out")
    if document["mutating"] and document["direction"] in ("peer_to_gateway", "node_to_gateway"):
        properties["idempotency_key"] = {"$ref": "../types/idempotency_key.json"}
    if document["direction"] != "gateway_to_peer":
        properties["_meta"] = {"$ref": "../types/request_meta.json"}
