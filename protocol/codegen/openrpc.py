"""The OpenRPC 1.3 document of everything a peer may call."""

import os


def rewritten(node, folder, contract):
    """The schema with its references pointing at components.schemas."""
    if isinstance(node, list):
        return [rewritten(item, folder, contract) for item in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if key == "$ref" and isinstance(value, str):
            target = os.path.normpath(os.path.join(folder, value))
            out[key] = "#/components/schemas/" + os.path.basename(target)[: -len(".json")]
        else:
            out[key] = rewritten(value, folder, contract)
    return out


def method_object(method, contract):
    d = method.document
    folder = os.path.dirname(method.path)
    params = d["params"]
    required = params.get("required", [])
    by_name = sorted(params["properties"].items(), key=lambda pair: pair[0] not in required)
    out = {
        "name": method.name,
        "summary": d["summary"],
        "paramStructure": "by-name",
        "params": [
            {"name": name, "required": name in required, "schema": rewritten(schema, folder, contract)}
            for name, schema in by_name
        ],
    }
    if d.get("description"):
        out["description"] = d["description"]
    if "result" in d:
        out["result"] = {"name": "result", "schema": rewritten(d["result"], folder, contract)}
    known = {row["kind"]: row for row in contract.errors}
    out["errors"] = [
        {"code": known[kind]["code"], "message": known[kind]["title"], "data": {"kind": kind}} for kind in d["errors"]
    ]
    out["examples"] = [example_object(example, d) for example in d.get("examples", [])]
    out["x-scope"] = d["scope"]
    out["x-mutating"] = d["mutating"]
    out["x-roles"] = d["roles"]
    out["x-transport"] = d["transport"]
    return out


def example_object(example, document):
    out = {
        "name": example["name"],
        "params": [{"name": name, "value": value} for name, value in example["params"].items()],
    }
    if "result" in document:
        out["result"] = {"name": "result", "value": example["result"]}
    return out


def document(contract, version):
    own = [m for m in contract.methods if m.document["direction"] in ("peer_to_gateway", "node_to_gateway")]
    others = [m for m in contract.methods if m not in own]
    schemas = {
        name: rewritten(kind.schema, os.path.dirname(kind.path), contract)
        for name, kind in sorted(contract.types.items())
        if kind.path != "config.json"
    }
    return {
        "openrpc": "1.3.2",
        "info": {
            "title": "Gatehouse",
            "version": version,
            "description": "An agent gateway: JSON-RPC 2.0 over a WebSocket (/ws, subprotocol gatehouse.v1) or POST /rpc.",
        },
        "servers": [{"name": "local", "url": "http://127.0.0.1:8787/rpc"}],
        "methods": [method_object(m, contract) for m in own],
        "components": {"schemas": schemas},
        "x-messages-to-peers": [method_object(m, contract) for m in others],
    }
