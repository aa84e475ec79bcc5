"""Turns schemas/ into C++, OpenRPC and TypeScript. Run by the build; python3 and nothing else.

    generate.py --schemas schemas --out build/debug/generated --version 0.1.0

A file is written only where its text changes, so that nothing is compiled again without a reason.
Exit code 1 and one line on stderr (file, JSON Pointer, sentence) for a schema that can't be turned into types.
"""

import argparse
import os
import sys

import cpp
import openrpc
import typescript
from contract import Contract
from refusal import Refusal

OWNED = ("protocol/gen", "app/gen", "tests/gen", "web")  # folders in which a file that nobody generates any more is deleted


def bundle(contract):
    documents = {kind.path: kind.schema for kind in contract.types.values()}
    documents |= {m.path: m.document for m in contract.methods}
    documents |= {p.path: p.schema for p in contract.events + contract.tape}
    documents["errors.json"] = {"errors": contract.errors}
    return documents


def outputs(contract, version):
    groups = [(contract.events, "event_payload"), (contract.tape, "tape_payload")]
    files = {"protocol/gen/errors.hpp": cpp.errors_header(contract.errors)}
    for name, kind in contract.types.items():
        files[cpp.type_header(contract, name)] = cpp.type_file(contract, kind)
    for method in contract.methods:
        files[f"protocol/gen/methods/{method.cpp_name}.hpp"] = cpp.method_header(contract, method)
    files["protocol/gen/event_payload.hpp"] = cpp.payload_header(contract, contract.events, "event_payload", "events")
    files["protocol/gen/tape_payload.hpp"] = cpp.payload_header(contract, contract.tape, "tape_payload", "tape")
    files["protocol/gen/types.cpp"] = cpp.types_source(contract)
    files["protocol/gen/methods.cpp"] = cpp.methods_source(contract)
    files["protocol/gen/payloads.cpp"] = cpp.payloads_source(contract, groups)
    files["protocol/gen/method_list.hpp"] = cpp.METHOD_LIST_HEADER
    files["protocol/gen/method_list.cpp"] = cpp.method_list(contract)
    files["protocol/gen/bundled_schemas.hpp"] = cpp.BUNDLED_HEADER
    files["protocol/gen/bundled_schemas.cpp"] = cpp.bundled_source(bundle(contract))
    files["protocol/gen/openrpc.hpp"] = cpp.OPENRPC_HEADER
    files["protocol/gen/openrpc.cpp"] = cpp.openrpc_source(openrpc.document(contract, version))
    files["app/gen/method_table.hpp"] = cpp.method_table_header(contract)
    files["app/gen/method_table.cpp"] = cpp.method_table_source(contract)
    files["tests/gen/round_trip.hpp"] = cpp.round_trips(contract)
    files["web/protocol.ts"] = typescript.document(contract)
    return files


def write_changed(out, files):
    for path, text in files.items():
        where = os.path.join(out, path)
        os.makedirs(os.path.dirname(where), exist_ok=True)
        if os.path.exists(where):
            with open(where, encoding="utf-8") as old:
                if old.read() == text:
                    continue
        with open(where + ".new", "w", encoding="utf-8") as new:
            new.write(text)
        os.replace(where + ".new", where)


def delete_stale(out, files):
    for folder in OWNED:
        for where, _, names in os.walk(os.path.join(out, folder)):
            for name in names:
                if os.path.relpath(os.path.join(where, name), out) not in files:
                    os.remove(os.path.join(where, name))


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schemas", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--version", default="0.0.0")
    options = parser.parse_args(arguments)
    try:
        files = outputs(Contract(options.schemas), options.version)
    except Refusal as refusal:
        print(f"schemas: {refusal}", file=sys.stderr)
        return 1
    write_changed(options.out, files)
    delete_stale(options.out, files)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
