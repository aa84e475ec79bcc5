import assert from "node:assert/strict";
import { test } from "node:test";
import { prettyJson } from "../src/components/json_view";

test("json is laid out for reading and stays the same json", () => {
    const cases: [unknown, string][] = [
        [{}, "{}"], [[], "[]"], [null, "null"], ["a", '"a"'],
        [{ argv: ["uname", "-a"] }, '{\n  "argv": ["uname", "-a"]\n}'],
        [[{ a: 1 }], '[\n  {\n    "a": 1\n  }\n]'],
    ];
    for (const [value, text] of cases) {
        assert.equal(prettyJson(value), text);
        assert.deepEqual(JSON.parse(prettyJson(value)), value);
    }
    assert.ok(prettyJson({ list: Array.from({ length: 100 }, (_, at) => at) }).split("\n").length > 100);
});
