"""What schemas/ says, read by a reader of our own: the methods, and inputs that each of them must refuse."""
import copy
import json
from functools import lru_cache
from pathlib import Path

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


@lru_cache(maxsize=None)
def load(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def methods():
    """Every method of schemas/methods by name."""
    found = {}
    for path in sorted((SCHEMAS / "methods").glob("*.json")):
        schema = load(path)
        schema["path"] = path
        found[schema["method"]] = schema
    return found


def callable_methods():
    """What a peer, client or node, may call: requests that go to the gateway."""
    return {name: schema for name, schema in methods().items()
            if schema["kind"] == "request" and schema["direction"] in ("peer_to_gateway", "node_to_gateway")}


def resolve(schema, path):
    """The schema behind $ref, and the file that its own references start from."""
    while isinstance(schema, dict) and "$ref" in schema:
        target, _, pointer = schema["$ref"].partition("#")
        path = (path.parent / target).resolve() if target else path
        found = load(path)
        for part in filter(None, pointer.split("/")):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        schema = found
    return schema, path


WRONG = {"string": 17, "integer": "seventeen", "number": "seventeen", "boolean": "yes", "object": [], "array": {},
         "null": 1}


def wrong_value(schema):
    """A value of a type that the schema doesn't take; None where it takes all."""
    kinds = schema.get("type")
    if kinds is None:
        return 17 if "enum" in schema or "const" in schema else None
    kinds = [kinds] if isinstance(kinds, str) else kinds
    for kind, value in WRONG.items():
        if kind in kinds:
            fits = {"string": isinstance(value, str), "integer": isinstance(value, int), "number": isinstance(value, int),
                    "object": isinstance(value, dict), "array": isinstance(value, list)}
            if not any(fits.get(each, False) for each in kinds):
                return value
    return None


def oversize_value(schema):
    """A value just over an upper bound of the schema, or None where it has none that fits into a frame."""
    if schema.get("maxLength", 1 << 20) < 300_000:
        return "a" * (schema["maxLength"] + 1)
    if schema.get("maxItems", 1 << 20) < 2_000:
        return [None] * (schema["maxItems"] + 1)
    if "maximum" in schema:
        return schema["maximum"] + 1
    if "enum" in schema and schema.get("type", "string") == "string":
        return "no such word"
    return None


def refusals(schema, path, value, pointer=""):
    """Yields (what, changed value, acceptable error paths) for one place of a valid value and the places below it."""
    schema, path = resolve(schema, path)
    if not isinstance(schema, dict) or not isinstance(value, dict) or "properties" not in schema:
        return
    if schema.get("additionalProperties") is False:
        yield "unknown member", {**value, "no_such_member": 1}, {pointer, pointer + "/no_such_member"}
    for name in schema.get("required", []):
        if name in value:
            yield f"without {name}", {k: v for k, v in value.items() if k != name}, {pointer, f"{pointer}/{name}"}
    for name, member in schema["properties"].items():
        inner, inner_path = resolve(member, path)
        if not isinstance(inner, dict):
            continue
        below = f"{pointer}/{name}"
        wrong, big = wrong_value(inner), oversize_value(inner)
        if wrong is not None:
            yield f"{name} of a wrong type", {**value, name: wrong}, {below}
        if big is not None:
            places = {below} | {f"{below}/{i}" for i in range(len(big))} if isinstance(big, list) else {below}
            yield f"{name} too big", {**value, name: big}, places
        if name in value:
            for what, changed, places in refusals(inner, inner_path, value[name], below):
                yield f"{name}: {what}", {**value, name: changed}, places


def example_params(schema):
    """Params that fit the schema: those of the example that has the most."""
    examples = [each.get("params", {}) for each in schema.get("examples", [])]
    return copy.deepcopy(max(examples, key=lambda each: len(json.dumps(each)), default={}))
