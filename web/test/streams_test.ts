import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventItem, TapeItem } from "../src/rpc/contract";
import { EventLedger, TapeLedger } from "../src/rpc/ledgers";
import { ConnectionLost, RequestTable } from "../src/rpc/request_table";
import { applyDelta, endDelta, noDelta, shownDelta } from "../src/state/delta_text";

const event = (event_id: string): EventItem => ({ event_id, topic: "runs", type: "run.state_changed", occurred_at: "", payload: {} });
const item = (seq: number): TapeItem => ({ seq, kind: "note", occurred_at: "", payload: {}, prev_hash: "", hash: "" });
const delta = (offset: number, text: string, attempt = 1, step_id = "turn_1") => ({ step_id, attempt, offset, text });

test("an event that was replayed is not taken in twice", () => {
    const ledger = new EventLedger();
    ledger.begin("c0");
    assert.deepEqual(ledger.accept({ cursor: "c1", events: [event("a"), event("b")] }).map((e) => e.event_id), ["a", "b"]);
    assert.deepEqual(ledger.accept({ cursor: "c2", events: [event("b"), event("c")] }).map((e) => e.event_id), ["c"]);
    assert.equal(ledger.cursor, "c2");
});

test("an empty frame moves the cursor, a new subscription does not", () => {
    const ledger = new EventLedger();
    ledger.begin("c0");
    ledger.accept({ cursor: "c5", events: [] });
    ledger.begin("c1");
    assert.equal(ledger.cursor, "c5");
});

test("a tape takes each item once and in order, and tells of a gap", () => {
    const ledger = new TapeLedger();
    assert.equal(ledger.accept([item(1), item(2)]).fresh.length, 2);
    assert.deepEqual(ledger.accept([item(2), item(3)]).fresh.map((i) => i.seq), [3]);
    assert.deepEqual(ledger.accept([item(5)]), { fresh: [], gap: true });
    assert.equal(ledger.head, 3);
});

test("pieces of text come together, whatever is doubled, dropped or late", () => {
    const cases: [ReturnType<typeof delta>[], string][] = [
        [[delta(0, "You "), delta(4, "said")], "You said"],
        [[delta(0, "You "), delta(0, "You "), delta(4, "said")], "You said"],
        [[delta(0, "grün "), delta(6, "ist")], "grün ist"], // offsets count bytes
        [[delta(0, "ab"), delta(1, "bcd")], "abcd"],
        [[delta(0, "old"), delta(0, "new", 2), delta(3, "er", 1)], "new"],
        [[delta(0, "one"), delta(0, "two", 1, "turn_2"), delta(3, "!", 1, "turn_1")], "two"],
        [[delta(10, "middle")], "… middle"],
        [[delta(0, "ab"), delta(9, "z")], "… z"],
    ];
    for (const [pieces, text] of cases) assert.equal(shownDelta(pieces.reduce(applyDelta, noDelta)), text);
});

test("after the answer is on the tape its late pieces say nothing", () => {
    const over = endDelta(applyDelta(noDelta, delta(0, "You")), "turn_1");
    assert.equal(shownDelta(over), "");
    assert.equal(shownDelta(applyDelta(over, delta(3, " said"))), "");
    assert.equal(shownDelta(applyDelta(over, delta(0, "Next", 1, "turn_2"))), "Next");
    assert.equal(shownDelta(endDelta(applyDelta(noDelta, delta(0, "Next", 1, "turn_2")), "turn_1")), "Next");
});

function ask(table: RequestTable, repeatable: boolean) {
    const outcome: { result?: unknown; error?: Error } = {};
    const request = table.add({
        method: "ping", params: {}, repeatable,
        resolve: (result) => (outcome.result = result), reject: (error) => (outcome.error = error),
    });
    return { request, outcome };
}

test("a lost connection fails what belongs to it and keeps the rest", () => {
    const table = new RequestTable();
    const kept = ask(table, true);
    const lost = ask(table, false);
    table.lose();
    assert.ok(lost.outcome.error instanceof ConnectionLost);
    assert.deepEqual(table.all(), [kept.request]);
    table.settle({ id: kept.request.id, result: 7 });
    assert.equal(kept.outcome.result, 7);
});

test("a busy gateway is asked again a few times, then believed", () => {
    const table = new RequestTable();
    const { request, outcome } = ask(table, true);
    const busy = { id: request.id, error: { code: -32005, message: "busy", data: { kind: "busy", retryable: true } } };
    for (let tries = 2; tries <= 5; tries++) assert.equal(table.settle(busy), request);
    assert.equal(table.settle(busy), undefined);
    assert.equal(outcome.error?.message, "busy");
});

test("an answer nobody waits for is ignored", () => {
    assert.equal(new RequestTable().settle({ id: 99, result: 1 }), undefined);
});
