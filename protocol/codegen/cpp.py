"""Writes C++: structs and enums, append_json (encode), decode_json (decode)."""

import json
import textwrap

from refusal import Refusal
from shapes import Enum, ListOf, MapOf, Named, Scalar, Struct, Union

RESERVED = set(
    "alignas and auto bool break case catch char class concept const continue default delete do double else enum "
    "explicit export extern false float for friend goto if inline int long mutable namespace new not nullptr operator "
    "or private protected public register requires return short signed sizeof static struct switch template this "
    "throw true try typedef typename union unsigned using virtual void volatile while xor".split()
)
SCALARS = {
    "string": "std::string",
    "integer": "std::int64_t",
    "number": "double",
    "boolean": "bool",
    "timestamp": "gatehouse::timestamp",
    "value": "boost::json::value",
    "object": "boost::json::object",
    "array": "boost::json::array",
}


def identifier(name):
    name = name.lstrip("_").replace(".", "_").replace("-", "_")
    return name + "_" if name in RESERVED else name


def quoted(text):
    return json.dumps(text, ensure_ascii=True)


def comment(text, indent=""):
    lines = textwrap.wrap(" ".join(text.split()), 104 - len(indent))
    return "".join(f"{indent}// {line}\n" for line in lines)


def banner(path):
    return f"// Generated from schemas/{path}. Do not edit: change the schema.\n"


def type_header(contract, name):
    path = contract.types[name].path
    return "protocol/gen/config.hpp" if path == "config.json" else f"protocol/gen/types/{name}.hpp"


def includes(contract, references):
    lines = ['#include "protocol/json_codec.hpp"'] + [f'#include "{type_header(contract, r)}"' for r in references]
    return "\n".join(sorted(lines)) + "\n\n#include <array>\n#include <cstdint>\n#include <map>\n#include <optional>\n#include <string>\n#include <string_view>\n#include <vector>\n"


# Types whose values the gateway passes on as text: C++ has one hand-written class for them (protocol/json_codec.hpp).
RAW = ("raw_json", "raw_object")


class Writer:
    """`space` is the namespace below gatehouse::protocol ("run_cancel"), or empty."""

    def __init__(self, contract, path, space=""):
        self.contract = contract
        self.path = path
        self.space = space

    def type_of(self, shape):
        if isinstance(shape, Scalar):
            return SCALARS[shape.kind]
        if isinstance(shape, Union):
            return SCALARS["value"]
        if isinstance(shape, Named):
            return "protocol::" + identifier(shape.name)
        if isinstance(shape, ListOf):
            return f"std::vector<{self.type_of(shape.item)}>"
        if isinstance(shape, MapOf):
            return f"std::map<std::string, {self.type_of(shape.item)}, std::less<>>"
        return identifier(shape.inner)

    def literal(self, shape, value):
        """The C++ text of a default."""
        if isinstance(shape, Named):
            target = self.contract.types[shape.name].shape
            if isinstance(target, Enum):
                if value not in target.values:
                    raise Refusal(self.path, "", f'the default "{value}" is not a value of {shape.name}')
                return f"protocol::{identifier(shape.name)}::{identifier(value)}"
            return self.literal(target, value) if not isinstance(target, Struct) else "{}"
        if isinstance(shape, ListOf):
            return "{" + ", ".join(self.literal(shape.item, v) for v in value) + "}"
        if isinstance(shape, (Struct, MapOf)):
            if value:
                raise Refusal(self.path, "", "an object's default is {}")
            return "{}"
        kind = shape.kind if isinstance(shape, Scalar) else "several"
        wanted = {"string": str, "integer": int, "number": (int, float), "boolean": bool}.get(kind)
        if wanted is None or not isinstance(value, wanted) or isinstance(value, bool) != (wanted is bool):
            raise Refusal(self.path, "", f"the default {json.dumps(value)} does not fit its type ({kind})")
        if shape.kind == "boolean":
            return "true" if value else "false"
        return quoted(value) if shape.kind == "string" else str(value)

    def struct(self, name, shape):
        """The definitions of a struct and, before it, of the anonymous ones it uses. They can't stand inside it: an
        optional of a nested class whose members have initialisers is not usable before the outer class is complete."""
        return "\n".join(self.one_struct(n, s) for n, s in self.all_structs(name, shape))

    def one_struct(self, name, shape):
        text = f"struct {name} {{\n"
        for member in shape.members:
            text += comment(member.description, "    ")
            kind, start = self.type_of(member.shape), "{}"
            if member.default is not None:
                start = self.literal(member.shape, member.default)
                start = start if start.startswith("{") else f" = {start}"
            elif not member.required:
                kind = f"std::optional<{kind}>"
            text += f"    {kind} {identifier(member.json_name)}{start};\n"
        return text + f"    bool operator==({name} const&) const = default;\n}};\n"

    def all_structs(self, name, shape):
        """(name, shape) of a struct and of all it contains, the inner ones first."""
        found = []
        for member in shape.members:
            nested = innermost(member.shape)
            if isinstance(nested, Struct):
                found += self.all_structs(identifier(nested.inner), nested)
        return found + [(name, shape)]

    def declarations(self, name, shape):
        text = ""
        for qualified, _ in self.all_structs(name, shape):
            text += f"void append_json(std::string& out, {qualified} const& from);\n"
            text += f"void decode_json(boost::json::value const& from, {qualified}& to);\n"
        return text

    def definitions(self, name, shape):
        return "".join(self.append(q, s) + self.decode(q, s) for q, s in self.all_structs(name, shape))

    def append(self, name, shape):
        unused = "" if shape.members else "[[maybe_unused]] "
        text = f"void append_json(std::string& out, {unused}{name} const& from) {{\n    out += '{{';\n"
        for member in shape.members:
            key = "R\"(" + quoted(member.json_name) + ":)\""
            value = "from." + identifier(member.json_name)
            if member.required or member.default is not None:
                text += f"    out += {key};\n    append_json(out, {value});\n    out += ',';\n"
            else:
                text += f"    if ({value}) {{\n        out += {key};\n        append_json(out, *{value});\n"
                text += "        out += ',';\n    }\n"
        return text + "    close_object(out);\n}\n\n"

    def decode(self, name, shape):
        unused = "" if shape.members else "[[maybe_unused]] "
        text = f"static void decode_members({unused}boost::json::object const& object, {unused}{name}& to) {{\n"
        for member in shape.members:
            value = "to." + identifier(member.json_name)
            if not member.required and member.default is None:
                value += ".emplace()"
            key = quoted(member.json_name)
            text += f"    if (auto const* member = object.if_contains({key})) decode_json(*member, {value});\n"
        text += "}\n\n"
        text += f"void decode_json(boost::json::value const& from, {name}& to) {{\n"
        return text + "    decode_members(from.as_object(), to);\n}\n\n"


def innermost(shape):
    while isinstance(shape, (ListOf, MapOf)):
        shape = shape.item
    return shape


def enum_header(name, values):
    rows = ",\n".join(f"    {identifier(v)}" for v in values)
    text = f"enum class {name} : std::uint8_t {{\n{rows},\n}};\n\n"
    listed = ", ".join(f"{name}::{identifier(v)}" for v in values)
    text += f"inline constexpr std::array {name}_values{{{listed}}};\n\n"
    text += f"constexpr std::string_view to_string({name} value) {{\n    switch (value) {{\n"
    for v in values:
        text += f"    case {name}::{identifier(v)}: return {quoted(v)};\n"
    text += "    }\n    return {};\n}\n\n"
    text += f"constexpr std::optional<{name}> parse_{name}(std::string_view text) {{\n"
    text += f"    for ({name} value : {name}_values)\n        if (to_string(value) == text) return value;\n"
    text += "    return std::nullopt;\n}\n\n"
    text += f"void append_json(std::string& out, {name} from);\n"
    text += f"void decode_json(boost::json::value const& from, {name}& to);\n"
    return text


def enum_source(name):
    return (
        f"void append_json(std::string& out, {name} from) {{ append_json(out, to_string(from)); }}\n"
        f"void decode_json(boost::json::value const& from, {name}& to) {{\n"
        f'    to = decoded_enum(parse_{name}(text_of(from)), from, "{name}");\n}}\n\n'
    )


def type_file(contract, kind):
    name = identifier(kind.name)
    writer = Writer(contract, kind.path)
    text = "#pragma once\n" + banner(kind.path) + includes(contract, kind.references)
    text += "\nnamespace gatehouse::protocol {\n\n" + comment(kind.schema.get("description", ""))
    if isinstance(kind.shape, Enum):
        text += enum_header(name, kind.shape.values)
    elif isinstance(kind.shape, Struct):
        text += writer.struct(name, kind.shape) + "\n" + writer.declarations(name, kind.shape)
    elif kind.name in RAW:
        text += "using raw_object = raw_json;\n" if kind.name == "raw_object" else "// The class stands in protocol/json_codec.hpp.\n"
    else:
        text += f"using {name} = {writer.type_of(kind.shape)};\n"
        nested = innermost(kind.shape)
        if isinstance(nested, Struct):
            raise Refusal(kind.path, "", "give the objects inside this list or map a file of their own in schemas/types")
    return text + "\n}  // namespace gatehouse::protocol\n"


def types_source(contract):
    text = "// Generated from schemas/types. Do not edit.\n"
    text += "".join(f'#include "{type_header(contract, name)}"\n' for name in sorted(contract.types))
    text += "\nnamespace gatehouse::protocol {\n\n"
    for kind in contract.types.values():
        name = identifier(kind.name)
        if isinstance(kind.shape, Enum):
            text += enum_source(name)
        elif isinstance(kind.shape, Struct):
            text += Writer(contract, kind.path).definitions(name, kind.shape)
    return text + "}  // namespace gatehouse::protocol\n"


def flags(method):
    d = method.document
    scope = f"protocol::scope::{d['scope']}" if d["scope"] else "std::nullopt"
    boolean = {True: "true", False: "false"}
    uri = "gatehouse:/" + method.path
    rows = [
        ("name", quoted(method.name)),
        ("direction", f"method_direction::{d['direction']}"),
        ("kind", f"message_kind::{d['kind']}"),
        ("required_scope", scope),
        ("mutating", boolean[d["mutating"]]),
        ("for_clients", boolean["client" in d["roles"]]),
        ("for_nodes", boolean["node" in d["roles"]]),
        ("over_ws", boolean["ws" in d["transport"]]),
        ("over_http", boolean["http" in d["transport"]]),
        ("params_schema_uri", quoted(uri + "#/params")),
        ("result_schema_uri", quoted(uri + "#/result" if d["kind"] == "request" else "")),
    ]
    return "".join(f"    .{name} = {value},\n" for name, value in rows)


def method_header(contract, method):
    references = sorted(set(method.params_references + method.result_references))
    text = "#pragma once\n" + banner(method.path)
    text += '#include "protocol/method_descriptor.hpp"\n' + includes(contract, references)
    text += "\n" + comment(method.document["summary"])
    text += f"namespace gatehouse::protocol::{method.cpp_name} {{\n\nusing protocol::append_json;\nusing protocol::decode_json;\n\n"
    text += f"inline constexpr method_descriptor descriptor{{\n{flags(method)}}};\n\n"
    writer = Writer(contract, method.path, method.cpp_name)
    text += writer.struct("params", method.params) + "\n" + writer.declarations("params", method.params)
    text += "\n// The params must have passed the schema; what has not is a bug and throws. Any thread.\n"
    text += "params decode(boost::json::object const& from);\n"
    text += "// The JSON text of a request's params, for those who send it. Any thread.\n"
    text += "std::string encode_params(params const& from);\n\n"
    if method.result is not None:
        if isinstance(method.result, Struct):
            text += writer.struct("reply", method.result) + "\n" + writer.declarations("reply", method.result) + "\n"
        else:
            text += f"using reply = {writer.type_of(method.result)};\n\n"
        text += "// The JSON text of the result. Any thread.\nstd::string encode(reply const& from);\n"
        text += "// As decode(), for those who asked. Any thread.\nreply decode_reply(boost::json::value const& from);\n"
    return text + f"\n}}  // namespace gatehouse::protocol::{method.cpp_name}\n"


def methods_source(contract):
    text = "// Generated from schemas/methods. Do not edit.\n"
    text += "".join(f'#include "protocol/gen/methods/{m.cpp_name}.hpp"\n' for m in contract.methods)
    for method in contract.methods:
        writer = Writer(contract, method.path, method.cpp_name)
        text += f"\nnamespace gatehouse::protocol::{method.cpp_name} {{\n\n" + writer.definitions("params", method.params)
        text += "params decode(boost::json::object const& from) {\n    params to;\n"
        text += "    decode_members(from, to);\n    return to;\n}\n\n"
        text += "std::string encode_params(params const& from) {\n    std::string out;\n    append_json(out, from);\n"
        text += "    return out;\n}\n\n"
        if method.result is not None:
            if isinstance(method.result, Struct):
                text += writer.definitions("reply", method.result)
            text += "std::string encode(reply const& from) {\n    std::string out;\n    append_json(out, from);\n"
            text += "    return out;\n}\n\nreply decode_reply(boost::json::value const& from) {\n    reply to;\n"
            text += "    decode_json(from, to);\n    return to;\n}\n\n"
        text += f"}}  // namespace gatehouse::protocol::{method.cpp_name}\n"
    return text


def payload_header(contract, payloads, space, folder):
    references = sorted({r for payload in payloads for r in payload.references})
    text = f"#pragma once\n// Generated from schemas/{folder}. Do not edit.\n" + includes(contract, references)
    text += f"\nnamespace gatehouse::protocol::{space} {{\n\nusing protocol::append_json;\nusing protocol::decode_json;\n\n"
    for payload in payloads:
        writer = Writer(contract, payload.path, space)
        name = identifier(payload.name)
        text += comment(payload.schema.get("description", "")) + writer.struct(name, payload.shape) + "\n"
        text += writer.declarations(name, payload.shape) + "\n"
    return text + f"}}  // namespace gatehouse::protocol::{space}\n"


def payloads_source(contract, groups):
    text = "// Generated from schemas/events and schemas/tape. Do not edit.\n"
    text += "".join(f'#include "protocol/gen/{space}.hpp"\n' for _, space in groups)
    for payloads, space in groups:
        text += f"\nnamespace gatehouse::protocol::{space} {{\n\n"
        for payload in payloads:
            text += Writer(contract, payload.path, space).definitions(identifier(payload.name), payload.shape)
        text += f"}}  // namespace gatehouse::protocol::{space}\n"
    return text


def errors_header(errors):
    text = "#pragma once\n// Generated from schemas/errors.json. Do not edit.\n"
    text += "#include <array>\n#include <cstdint>\n#include <optional>\n#include <string_view>\n\nnamespace gatehouse {\n\n"
    text += "// The closed list of failures a peer can see, with the numbers JSON-RPC carries.\n"
    text += "enum class errc : std::int16_t {\n" + "".join(f"    {e['kind']} = {e['code']},\n" for e in errors) + "};\n\n"
    listed = ", ".join(f"errc::{e['kind']}" for e in errors)
    text += f"inline constexpr std::array errc_values{{{listed}}};\n\n"

    def lookup(returns, name, value, other):
        rows = "".join(f"    case errc::{e['kind']}: return {value(e)};\n" for e in errors)
        return f"constexpr {returns} {name}(errc code) {{\n    switch (code) {{\n{rows}    }}\n    return {other};\n}}\n\n"
    text += "// The word of data.kind: \"not_found\".\n"
    text += lookup("std::string_view", "kind_of", lambda e: quoted(e["kind"]), '"internal"')
    text += "// The status of POST /rpc/{method} and its relatives.\n"
    text += lookup("int", "http_status_of", lambda e: e["http"], "500")
    text += "// Whether the same request may succeed later without a change.\n"
    text += lookup("bool", "is_retryable", lambda e: "true" if e["retryable"] else "false", "false")
    text += "// The title of the problem document (RFC 9457).\n"
    text += lookup("std::string_view", "title_of", lambda e: quoted(e["title"]), '"Internal error"')
    text += "constexpr std::optional<errc> errc_of_code(std::int64_t code) {\n    for (errc known : errc_values)\n"
    text += "        if (static_cast<std::int64_t>(known) == code) return known;\n    return std::nullopt;\n}\n\n"
    text += "constexpr std::optional<errc> errc_of_kind(std::string_view kind) {\n    for (errc known : errc_values)\n"
    text += "        if (kind_of(known) == kind) return known;\n    return std::nullopt;\n}\n"
    return text + "\n}  // namespace gatehouse\n"


def method_list(contract):
    text = "// Generated from schemas/methods. Do not edit.\n#include \"protocol/gen/method_list.hpp\"\n\n"
    text += "".join(f'#include "protocol/gen/methods/{m.cpp_name}.hpp"\n' for m in contract.methods)
    text += "\n#include <array>\n\nnamespace gatehouse::protocol {\n\n"
    text += "std::span<method_descriptor const> method_list() {\n    static constexpr std::array all{\n"
    text += "".join(f"        {m.cpp_name}::descriptor,\n" for m in contract.methods) + "    };\n    return all;\n}\n\n"
    text += "method_descriptor const* find_method(std::string_view name) {\n"
    text += "    for (method_descriptor const& method : method_list())\n        if (method.name == name) return &method;\n"
    return text + "    return nullptr;\n}\n\n}  // namespace gatehouse::protocol\n"


METHOD_LIST_HEADER = """#pragma once
// Generated from schemas/methods. Do not edit.
#include "protocol/method_descriptor.hpp"

#include <span>
#include <string_view>

namespace gatehouse::protocol {

// Every message of the contract, of all directions, sorted by name. Any thread.
std::span<method_descriptor const> method_list();

// Null if there is no such message.
method_descriptor const* find_method(std::string_view name);

}  // namespace gatehouse::protocol
"""


# The standard promises only 64 KiB for a literal; clang takes any length.
LONG_STRINGS = '#pragma clang diagnostic ignored "-Woverlength-strings"\n\n'


def raw(text):
    assert ')json"' not in text
    return f'R"json({text})json"'


BUNDLED_HEADER = """#pragma once
// Generated from schemas/. Do not edit.
#include <span>
#include <string_view>

namespace gatehouse::protocol {

// A file of schemas/ as it is served at GET /schemas/<path>: with what the generator adds to every method's params.
// References between the files are relative, so they hold below any base.
struct bundled_schema {
    std::string_view path;  // "types/run.json"
    std::string_view uri;   // "gatehouse:/types/run.json", the base for the validator
    std::string_view text;  // a JSON document
};

// All of them, sorted by path. Any thread.
std::span<bundled_schema const> bundled_schemas();

}  // namespace gatehouse::protocol
"""


def bundled_source(documents):
    text = '// Generated from schemas/. Do not edit.\n#include "protocol/gen/bundled_schemas.hpp"\n\n#include <array>\n\n'
    text += LONG_STRINGS
    text += "namespace gatehouse::protocol {\n\nstd::span<bundled_schema const> bundled_schemas() {\n"
    text += f"    static constexpr std::array<bundled_schema, {len(documents)}> all{{{{\n"
    for path, document in sorted(documents.items()):
        body = raw(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        text += f'        {{"{path}", "gatehouse:/{path}", {body}}},\n'
    return text + "    }};\n    return all;\n}\n\n}  // namespace gatehouse::protocol\n"


OPENRPC_HEADER = """#pragma once
// Generated from schemas/. Do not edit.
#include <string_view>

namespace gatehouse::protocol {

// The OpenRPC 1.3 document: every method a peer may call, as JSON text. Any thread.
std::string_view openrpc();

}  // namespace gatehouse::protocol
"""


def openrpc_source(document):
    body = raw(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    return (
        f'// Generated from schemas/. Do not edit.\n#include "protocol/gen/openrpc.hpp"\n\n{LONG_STRINGS}'
        "namespace gatehouse::protocol {\n\n"
        f"std::string_view openrpc() {{\n    static constexpr std::string_view text = {body};\n    return text;\n}}\n\n"
        "}  // namespace gatehouse::protocol\n"
    )


METHOD_TABLE_INCLUDE = '#include "app/dispatch/method_row.hpp"'


def handled(contract):
    return [m for m in contract.methods if m.document["direction"] in ("peer_to_gateway", "node_to_gateway")]


def method_table_header(contract):
    text = "#pragma once\n// Generated from schemas/methods: one row per message a peer may send. Do not edit.\n"
    text += f"{METHOD_TABLE_INCLUDE}\n\n#include <vector>\n\nnamespace gatehouse::app {{\n\n"
    text += "// Each is defined in app/methods/<noun_verb>.cpp; a schema without a handler fails to link.\n"
    text += "".join(f"method_row make_{m.cpp_name}(services const& s);\n" for m in handled(contract))
    text += "\nstd::vector<method_row> make_method_table(services const& s);\n"
    return text + "\n}  // namespace gatehouse::app\n"


def method_table_source(contract):
    text = "// Generated from schemas/methods. Do not edit.\n#include \"app/gen/method_table.hpp\"\n\n"
    text += "namespace gatehouse::app {\n\nstd::vector<method_row> make_method_table(services const& s) {\n"
    text += f"    std::vector<method_row> rows;\n    rows.reserve({len(handled(contract))});\n"
    text += "".join(f"    rows.push_back(make_{m.cpp_name}(s));\n" for m in handled(contract))
    return text + "    return rows;\n}\n\n}  // namespace gatehouse::app\n"


def round_trips(contract):
    """For tests: decodes a value as the type of a schema and encodes it again, by the schema's URI."""
    rows = []
    for m in contract.methods:
        rows.append((f"{m.path}#/params", f"{m.cpp_name}::params"))
        if m.result is not None:
            rows.append((f"{m.path}#/result", f"{m.cpp_name}::reply"))
    rows += [(p.path, f"event_payload::{identifier(p.name)}") for p in contract.events]
    rows += [(p.path, f"tape_payload::{identifier(p.name)}") for p in contract.tape]
    rows += [(t.path, identifier(t.name)) for t in contract.types.values()]
    text = "#pragma once\n// Generated from schemas/. Do not edit.\n"
    text += "".join(f'#include "protocol/gen/methods/{m.cpp_name}.hpp"\n' for m in contract.methods)
    text += '#include "protocol/gen/event_payload.hpp"\n#include "protocol/gen/tape_payload.hpp"\n'
    text += "".join(f'#include "{type_header(contract, name)}"\n' for name in sorted(contract.types))
    text += "\nnamespace gatehouse::protocol {\n\n"
    text += "template <class T>\nboost::json::value decoded_and_encoded(boost::json::value const& from) {\n"
    text += "    return to_json(from_json<T>(from));\n}\n\n"
    text += "struct round_trip {\n    std::string_view uri;\n    boost::json::value (*run)(boost::json::value const&);\n};\n\n"
    text += "inline constexpr round_trip round_trips[] = {\n"
    text += "".join(f'    {{"gatehouse:/{path}", &decoded_and_encoded<{name}>}},\n' for path, name in rows)
    return text + "};\n\n}  // namespace gatehouse::protocol\n"
