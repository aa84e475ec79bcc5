import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { test } from "node:test";
import { parseInline, parseMarkdown } from "../src/components/markdown_parser";
import type { HistoryMessage, Tape, TapeItem } from "../src/rpc/contract";
import { proofLines } from "../src/rpc/device_key";
import { base32, base64url, hex, utf8 } from "../src/rpc/encoding";
import { summarize } from "../src/state/tape_summary";
import { applyTapeItem, emptyTurn, turnsFromHistory } from "../src/state/transcript";

// Node 18 has no global of this name.
globalThis.crypto ??= webcrypto as Crypto;

test("bytes have their text forms", () => {
    assert.equal(base32(utf8("foobar")), "mzxw6ytboi");
    assert.equal(base32(utf8("fooba")), "mzxw6ytb");
    assert.equal(base32(utf8("")), "");
    assert.equal(base64url(new Uint8Array([251, 255, 254])), "-__-");
    assert.equal(hex(new Uint8Array([0, 15, 255])), "000fff");
});

test("a device signs the contract's lines", async () => {
    const facts = { gateway_id: "gw_1", role: "client", device_id: "dev_a", nonce: "n", token: "gth_x" } as const;
    const lines = (await proofLines(facts)).split("\n");
    assert.deepEqual(lines.slice(0, 5), ["gatehouse-connect-v1", "gw_1", "client", "dev_a", "n"]);
    assert.match(lines[5]!, /^[0-9a-f]{64}$/);
    assert.equal(lines.length, 7);
    assert.equal(lines[6], "");
});

test("text of a model becomes blocks and never markup", () => {
    const cases: [string, string[]][] = [
        ["one\ntwo\n\nthree", ["paragraph", "paragraph"]],
        ["- a\n- b\n1. c", ["list", "list"]],
        ["# Head\ntext", ["heading", "paragraph"]],
        ["```js\nlet a\n\n# no head\n```\nafter", ["code", "paragraph"]],
        ["```\nnever closed", ["code"]],
        ["> said\n> more\nown", ["quote", "paragraph"]],
        ['say\n{"os":"linux"}\nend', ["paragraph", "code", "paragraph"]],
        ["{not json", ["paragraph"]],
        ["<script>alert(1)</script>", ["paragraph"]],
        ["", []],
    ];
    for (const [text, kinds] of cases) assert.deepEqual(parseMarkdown(text).map((block) => block.kind), kinds, text);
});

test("links lead to http only", () => {
    const hrefs = (text: string) => parseInline(text).flatMap((part) => (part.kind === "link" ? [part.href] : []));
    assert.deepEqual(hrefs("[a](https://a.example/x) http://b.example."), ["https://a.example/x", "http://b.example"]);
    assert.deepEqual(hrefs("[a](javascript:alert(1)) [b](data:text/html,x)"), []);
});

test("inline marks", () => {
    assert.deepEqual(
        parseInline("a **b** `c*d*` *e* 2*3*4").map((part) => part.kind),
        ["text", "strong", "text", "code", "text", "emphasis", "text"],
    );
});

let seq = 0;
const item = <K extends keyof Tape>(kind: K, payload: Tape[K]): TapeItem => ({
    seq: ++seq, kind, occurred_at: "2026-11-21T00:00:00.000Z", payload: payload as never, prev_hash: "", hash: "",
});

const call: TapeItem[] = [
    item("status_change", { to: "accepted" }),
    item("input", { text: "do it" }),
    item("status_change", { from: "accepted", to: "running" }),
    item("provider_response", { text: "", tool_calls: [], usage: { input_tokens: 1, output_tokens: 1 }, finish_reason: "tool_calls" }),
    item("tool_call", { step_id: "step_1", tool: "node__system__info", arguments: {}, attempt: 1, idempotency_key: "k" }),
];

test("a tape reads as a turn", () => {
    const turn = [...call, item("tool_output", { step_id: "step_1", ok: true, output: { os: "linux" }, artifacts: [] })]
        .reduce(applyTapeItem, emptyTurn("run_1", "do it"));
    assert.equal(turn.user, "do it");
    assert.equal(turn.state, "running");
    assert.deepEqual(turn.blocks, [
        { kind: "tool", id: "step_1", tool: "node__system__info", arguments: {}, phase: "done", output: { os: "linux" }, artifacts: [] },
    ]);
});

test("a denied call and a failed run say so", () => {
    const turn = [
        ...call,
        item("approval_request", { approval_id: "app_1", kind: "call", step_id: "step_1", subject_hash: "" }),
        item("approval_decision", { approval_id: "app_1", step_id: "step_1", state: "denied", reason: "not now" }),
        item("status_change", { from: "running", to: "failed", reason: "too much" }),
    ].reduce(applyTapeItem, emptyTurn("run_1"));
    assert.deepEqual(turn.blocks.at(-1), { kind: "aside", tone: "bad", text: "Denied: not now" });
    assert.equal(turn.error, "too much");
});

test("an input that comes while the run works stands where it came", () => {
    const turn = [...call, item("input", { text: "hurry" })].reduce(applyTapeItem, emptyTurn("run_1"));
    assert.deepEqual(turn.blocks.at(-1), { kind: "aside", tone: "person", text: "hurry" });
});

test("a fork begins anew after what it was copied from", () => {
    const turn = [
        ...call,
        item("status_change", { from: "running", to: "failed", reason: "too much" }),
        item("note", { forked_from: { run_id: "run_0", at_seq: 6 } }),
    ].reduce(applyTapeItem, emptyTurn("run_1", "do it"));
    assert.equal(turn.state, "accepted");
    assert.equal(turn.error, undefined);
    assert.deepEqual(turn.blocks.at(-1), { kind: "aside", tone: "plain", text: "Forked here" });
});

test("history reads as the same turns", () => {
    const message = (role: HistoryMessage["role"], text: string, more = {}): HistoryMessage =>
        ({ ordinal: ++seq, run_id: "run_1", role, text, created_at: "", ...more });
    const turns = turnsFromHistory([
        message("user", "do it"),
        message("assistant", "", { tool_calls: [{ call_id: "c1", tool: "node__system__info", arguments: {} }] }),
        message("tool", '{"os":"linux"}', { call_id: "c1", tool: "node__system__info", ok: true }),
        message("assistant", "Done."),
    ], []);
    assert.equal(turns.length, 1);
    assert.equal(turns[0]!.state, "succeeded");
    assert.deepEqual(turns[0]!.blocks.map((block) => block.kind), ["tool", "text"]);
});

test("each kind of item has a summary, an unknown one its name", () => {
    assert.equal(summarize(call[4]!).title, "node__system__info");
    assert.equal(summarize(call[2]!).title, "accepted → running");
    assert.equal(summarize({ ...call[0]!, kind: "from_the_future" }).title, "from_the_future");
});
