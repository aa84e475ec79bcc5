"""Canonical JSON (RFC 8785) and the tape's hash chain, written from the standards alone: the oracle for ours."""
import hashlib
import json
import math


def number(value):
    """ECMAScript's Number::toString, which RFC 8785 prescribes."""
    if isinstance(value, int) and abs(value) < 1 << 53:
        return str(value)
    value = float(value)
    if value == 0:
        return "0"
    if not math.isfinite(value):
        raise ValueError("not a JSON number")
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits = stripped.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + power


def canonical(value):
    """The canonical text of a JSON value."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in keys) + "}"


def digest(value):
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def check_tape(items):
    """Raises AssertionError unless the items are a whole tape from its first item on: dense, chained, hashes right."""
    previous = "0" * 64
    for position, item in enumerate(items, 1):
        assert item["seq"] == position, f"seq {item['seq']} stands at place {position}"
        assert item["prev_hash"] == previous, f"seq {position}: prev_hash is not the hash before it"
        text = "\n".join([previous, str(item["seq"]), item["kind"], item["occurred_at"], canonical(item["payload"])])
        expected = hashlib.sha256(text.encode()).hexdigest()
        assert item["hash"] == expected, f"seq {position}: hash {item['hash']}, computed {expected}"
        previous = item["hash"]
