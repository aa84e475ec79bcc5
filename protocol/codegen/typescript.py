"""The console's types: everything the contract names, as TypeScript."""

from shapes import Enum, ListOf, MapOf, Named, Scalar, Struct, Union

SCALARS = {
    "string": "string", "integer": "number", "number": "number", "boolean": "boolean", "timestamp": "string",
    "value": "Json", "object": "JsonObject", "array": "Json[]", "null": "null",
}


def type_name(name):
    return "".join(word.capitalize() for word in name.replace(".", "_").split("_"))


def note(text, indent=""):
    return f"{indent}/** {' '.join(text.split()).replace('*/', '* /')} */\n" if text else ""


def text_of(shape, indent, sending):
    if isinstance(shape, Scalar):
        return SCALARS[shape.kind]
    if isinstance(shape, Union):
        return " | ".join(SCALARS[kind] for kind in shape.kinds)
    if isinstance(shape, Named):
        return type_name(shape.name)
    if isinstance(shape, ListOf):
        item = text_of(shape.item, indent, sending)
        return f"({item})[]" if "|" in item else f"{item}[]"
    if isinstance(shape, MapOf):
        return f"Record<string, {text_of(shape.item, indent, sending)}>"
    if isinstance(shape, Enum):
        return " | ".join(f'"{value}"' for value in shape.values)
    return struct(shape, indent, sending)


def struct(shape, indent, sending):
    """`sending`: members with a default may be left out, since the gateway fills them in."""
    if not shape.members:
        return "Record<string, never>"
    inside = indent + "  "
    text = "{\n"
    for member in shape.members:
        text += note(member.description, inside)
        always = member.required or (member.default is not None and not sending)
        text += f"{inside}{member.json_name}{'' if always else '?'}: {text_of(member.shape, inside, sending)};\n"
    return text + indent + "}"


def document(contract):
    text = "// Generated from schemas/. Do not edit.\n\n"
    text += "export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };\n"
    text += "export type JsonObject = { [name: string]: Json };\n\n"
    for kind in contract.types.values():
        if kind.path == "config.json":
            continue
        text += note(kind.schema.get("description"))
        text += f"export type {type_name(kind.name)} = {text_of(kind.shape, '', sending=True)};\n\n"
    text += method_map("Methods", "What a peer may ask.", own(contract, "request", "to_gateway"))
    text += method_map("Requests", "What the gateway asks of a node.", own(contract, "request", "gateway_to"))
    text += notifications(own(contract, "notification", "gateway_to"))
    text += payloads("Events", "Payloads by an event's type.", contract.events)
    text += payloads("Tape", "Payloads by a tape item's kind.", contract.tape)
    text += "export type EventType = keyof Events;\nexport type TapeKind = keyof Tape;\n\n"
    text += "export const errorCodes = {\n"
    text += "".join(f"  {row['kind']}: {row['code']},\n" for row in contract.errors) + "} as const;\n"
    text += "export type ErrorKind = keyof typeof errorCodes;\n"
    return text


def own(contract, kind, direction):
    return [m for m in contract.methods if m.document["kind"] == kind and direction in m.document["direction"]]


def method_map(name, what, methods):
    text = note(what) + f"export interface {name} {{\n"
    for method in methods:
        text += note(method.document["summary"], "  ") + f'  "{method.name}": {{\n'
        text += f"    params: {text_of(method.params, '    ', True)};\n"
        text += f"    result: {text_of(method.result, '    ', False)};\n  }};\n"
    return text + "}\n\n"


def notifications(methods):
    text = note("What the gateway sends unasked.") + "export interface Notifications {\n"
    for method in methods:
        text += note(method.document["summary"], "  ")
        text += f'  "{method.name}": {text_of(method.params, "  ", False)};\n'
    return text + "}\n\n"


def payloads(name, what, items):
    text = note(what) + f"export interface {name} {{\n"
    for item in items:
        text += f"  \"{item.name}\": {text_of(item.shape, '  ', False)};\n"
    return text + "}\n\n"
