"""The part of JSON Schema 2020-12 that the contract may use, and what each piece of it becomes.

Whatever stands in a schema must be enforced by the validator and turn into a type; anything else is refused here, so
that no schema promises what nobody checks.
"""

import re

from refusal import Refusal
from shapes import Enum, ListOf, MapOf, Member, Named, Scalar, Struct, Union

NOTES = {"title", "description", "default", "examples"}
KEYWORDS = {
    "string": {"minLength", "maxLength", "pattern", "format", "enum", "const"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "const"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "boolean": {"const"},
    "array": {"items", "minItems", "maxItems", "uniqueItems"},
    "object": {"properties", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties"},
}
MEMBER_NAME = re.compile(r"^_?[a-z][a-z0-9_]*$")
ENUM_VALUE = re.compile(r"^[a-z][a-z0-9_.]*$")
TYPE_REFERENCE = re.compile(r"^(?:\.\./|\./|)(?:types/)?([a-z][a-z0-9_]*)\.json$")


class Reader:
    """Reads the schemas of one file. `reference` turns the text of a $ref into a type's name, or None."""

    def __init__(self, file, reference):
        self.file = file
        self.reference = reference
        self.references = []

    def refuse(self, pointer, sentence):
        raise Refusal(self.file, pointer, sentence)

    def shape(self, schema, pointer, hint, top=False):
        """`hint` is the name an anonymous struct gets; `top`: it has that name already, and an enum may stand here."""
        if schema is True or schema == {}:
            return Scalar("value")
        if not isinstance(schema, dict):
            self.refuse(pointer, "a schema is an object or true")
        if "$ref" in schema:
            return self.referenced(schema, pointer)
        if "type" not in schema:
            if schema.keys() <= NOTES:
                return Scalar("value")
            self.refuse(pointer, 'say a "type"; only a schema for any value does without')
        kind = schema["type"]
        if isinstance(kind, list):
            return self.union(schema, kind, pointer)
        if kind not in KEYWORDS:
            self.refuse(pointer + "/type", f'no type can be made of "{kind}"; use one of {", ".join(sorted(KEYWORDS))}')
        for keyword in schema:
            if keyword != "type" and keyword not in NOTES and keyword not in KEYWORDS[kind]:
                self.refuse(f"{pointer}/{keyword}", f'"{keyword}" is not supported for type "{kind}"; leave it out')
        return getattr(self, "read_" + kind)(schema, pointer, hint, top)

    def referenced(self, schema, pointer):
        for keyword in schema:
            if keyword != "$ref" and keyword not in NOTES:
                self.refuse(f"{pointer}/{keyword}", f'"{keyword}" beside $ref is not supported; put it into the type')
        name = self.reference(schema["$ref"])
        if name is None:
            self.refuse(pointer + "/$ref", f'"{schema["$ref"]}" is not a file of schemas/types')
        if name not in self.references:
            self.references.append(name)
        return Named(name)

    def union(self, schema, kinds, pointer):
        for keyword in schema:
            if keyword != "type" and keyword not in NOTES:
                self.refuse(f"{pointer}/{keyword}", f'"{keyword}" beside a list of types is not supported')
        for kind in kinds:
            if kind not in KEYWORDS and kind != "null":
                self.refuse(pointer + "/type", f'"{kind}" is not a JSON type')
        return Union(tuple(kinds))

    def read_string(self, schema, pointer, hint, top):
        if "enum" in schema:
            return self.enumeration(schema, pointer, top)
        if "pattern" in schema:
            try:
                re.compile(schema["pattern"])
            except re.error as problem:
                self.refuse(pointer + "/pattern", f"not a regular expression: {problem}")
            if re.search(r"\(\?[=!<]|\\[1-9]", schema["pattern"]):
                self.refuse(pointer + "/pattern", "look-around and back references are not enforced; rewrite it")
            for bound in re.findall(r"\{(?:\d*,)?(\d+)\}", schema["pattern"]):
                if int(bound) > 1000:
                    self.refuse(pointer + "/pattern", "RE2 repeats at most 1,000 times; use maxLength")
        if "format" not in schema:
            return Scalar("string")
        if schema["format"] != "date-time":
            self.refuse(pointer + "/format", 'only the format "date-time" is known; say it by a pattern')
        return Scalar("timestamp")

    def enumeration(self, schema, pointer, top):
        if not top:
            self.refuse(pointer + "/enum", "give the enum a file of its own in schemas/types and refer to it")
        for extra in schema.keys() - NOTES - {"type", "enum"}:
            self.refuse(f"{pointer}/{extra}", f'"{extra}" beside enum says nothing more; leave it out')
        values = schema["enum"]
        for i, value in enumerate(values):
            if not isinstance(value, str) or not ENUM_VALUE.match(value):
                self.refuse(f"{pointer}/enum/{i}", "values are lower-case words that can be names in C++")
        if len(set(values)) != len(values) or not values:
            self.refuse(pointer + "/enum", "needs at least one value, each of them once")
        return Enum(values)

    def read_integer(self, schema, pointer, hint, top):
        return Scalar("integer")

    def read_number(self, schema, pointer, hint, top):
        return Scalar("number")

    def read_boolean(self, schema, pointer, hint, top):
        return Scalar("boolean")

    def read_array(self, schema, pointer, hint, top):
        if "items" not in schema:
            return Scalar("array")
        item = self.shape(schema["items"], pointer + "/items", hint + "_item")
        return ListOf(item)

    def read_object(self, schema, pointer, hint, top):
        closed = schema.get("additionalProperties", True)
        properties = schema.get("properties")
        if properties is None:
            if "required" in schema:
                self.refuse(pointer + "/required", "names members of an object that lists no properties")
            if closed is True or closed == {}:
                return Scalar("object")
            if closed is not False:
                return MapOf(self.shape(closed, pointer + "/additionalProperties", hint + "_item"))
            properties = {}
        if closed is not False:
            self.refuse(pointer, 'an object with properties is closed: say "additionalProperties": false')
        for keyword in ("propertyNames", "minProperties", "maxProperties"):
            if keyword in schema and properties:
                self.refuse(f"{pointer}/{keyword}", f'"{keyword}" is for maps only')
        return Struct(self.members(schema, properties, pointer, hint), None if top else hint)

    def members(self, schema, properties, pointer, owner):
        required = schema.get("required", [])
        for i, name in enumerate(required):
            if name not in properties:
                self.refuse(f"{pointer}/required/{i}", f'"{name}" is not among the properties')
        members = []
        for name, inner in properties.items():
            at = f"{pointer}/properties/{name}"
            if not MEMBER_NAME.match(name):
                self.refuse(at, "member names are snake_case")
            shape = self.shape(inner, at, hint=f"{owner}_{name.lstrip('_')}_value")
            default = self.default(inner, at, name in required)
            notes = inner.get("description", "") if isinstance(inner, dict) else ""
            members.append(Member(name, shape, name in required, default, notes))
        return members

    def default(self, schema, pointer, required):
        if not isinstance(schema, dict):
            return None
        if "default" in schema and required:
            self.refuse(pointer + "/default", "a required member has no default")
        return schema.get("default", schema.get("const") if required else None)
