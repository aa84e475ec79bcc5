import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMs, step } from "../src/rpc/connection_machine";
import type { ConnectionEvent, ConnectionState } from "../src/rpc/connection_machine";

const at = { now: 1_000, random: 0.5 };
const signed_out: ConnectionState = { phase: "signed_out" };

function play(events: ConnectionEvent[], from: ConnectionState = signed_out, now = at.now) {
    let state = from;
    let actions: string[] = [];
    for (const event of events) {
        const [next, todo] = step(state, event, { ...at, now });
        state = next;
        actions = todo.map((action) => action.do);
    }
    return { state, actions };
}

const sign_in: ConnectionEvent = { type: "sign_in" };
const challenged: ConnectionEvent = { type: "challenged" };
const welcomed: ConnectionEvent = { type: "welcomed" };
const closed = (code: number, reason = ""): ConnectionEvent => ({ type: "closed", code, reason });
const probed = (status: number, retry_after_ms?: number): ConnectionEvent => ({ type: "probed", status, detail: "", retry_after_ms });

test("sign in, challenge and welcome make it online", () => {
    assert.deepEqual(play([sign_in]).actions, ["drop", "open", "timer"]);
    assert.deepEqual(play([sign_in, challenged]).actions, ["say_connect"]);
    assert.deepEqual(play([sign_in, challenged, welcomed]).state, { phase: "online", attempt: 0, since: 1_000 });
});

test("a lost connection waits and then opens again", () => {
    const lost = play([sign_in, challenged, welcomed, closed(1006)]);
    assert.equal(lost.state.phase, "waiting");
    assert.deepEqual(lost.actions, ["timer"]);
    assert.equal(play([{ type: "timer" }], lost.state).state.phase, "opening");
});

test("a connection that held counts as a success, one that broke at once does not", () => {
    const online: ConnectionState = { phase: "online", attempt: 4, since: 1_000 };
    const soon = step(online, closed(1006), { now: 2_000, random: 0 })[0];
    const late = step(online, closed(1006), { now: 60_000, random: 0 })[0];
    assert.equal(soon.phase === "waiting" && soon.attempt, 5);
    assert.equal(late.phase === "waiting" && late.attempt, 1);
});

test("an upgrade that failed is asked about over http", () => {
    const failed = play([sign_in, closed(1006)]);
    assert.equal(failed.state.phase, "probing");
    assert.deepEqual(failed.actions, ["probe", "stop_timer"]);
});

test("what the probe says decides", () => {
    const cases: [ConnectionEvent, string, boolean][] = [
        [probed(0), "waiting", false], [probed(200), "waiting", false], [probed(503), "waiting", false],
        [probed(429, 9_000), "waiting", false], [probed(401), "refused", true], [probed(403), "refused", false],
        [probed(421), "refused", false],
    ];
    for (const [event, phase, token_is_bad] of cases) {
        const { state } = play([sign_in, closed(1006), event]);
        assert.equal(state.phase, phase);
        assert.equal(state.phase === "refused" && state.token_is_bad, token_is_bad);
    }
});

test("too many requests waits as long as it was told", () => {
    const { state } = play([sign_in, closed(1006), probed(429, 9_000)]);
    assert.equal(state.phase === "waiting" && state.retry_at, 10_000);
});

test("close codes that mean no end the attempts", () => {
    for (const [code, token_is_bad] of [[4400, false], [4401, true], [4403, true]] as const) {
        const { state, actions } = play([sign_in, challenged, welcomed, closed(code, "because")]);
        assert.equal(state.phase === "refused" && state.reason, "because");
        assert.equal(state.phase === "refused" && state.token_is_bad, token_is_bad);
        assert.deepEqual(actions, ["stop_timer"]);
    }
});

test("close codes that mean later go on", () => {
    for (const code of [1000, 1001, 1006, 1008, 1011, 1013, 4408]) {
        assert.equal(play([sign_in, challenged, welcomed, closed(code)]).state.phase, "waiting");
    }
});

test("a refused connect is final where the token is at fault only", () => {
    const refused = (kind: string): ConnectionEvent => ({ type: "connect_refused", kind, message: "no" });
    assert.equal(play([sign_in, challenged, refused("forbidden")]).state.phase, "refused");
    assert.equal(play([sign_in, challenged, refused("unauthenticated")]).state.phase, "refused");
    assert.equal(play([sign_in, challenged, refused("unavailable")]).state.phase, "waiting");
});

test("a handshake that takes too long is dropped", () => {
    for (const events of [[sign_in], [sign_in, challenged]]) {
        const { state, actions } = play([...events, { type: "timer" }]);
        assert.equal(state.phase, "waiting");
        assert.deepEqual(actions, ["drop", "timer"]);
    }
});

test("the person may retry at once, but not with a token that was refused", () => {
    const waiting = play([sign_in, challenged, welcomed, closed(1006)]).state;
    assert.equal(play([{ type: "retry_now" }], waiting).state.phase, "opening");
    const refused = play([sign_in, closed(1006), probed(401)]).state;
    assert.equal(play([{ type: "retry_now" }], refused).state.phase, "refused");
});

test("an event that comes late changes nothing", () => {
    const online: ConnectionState = { phase: "online", attempt: 0, since: 0 };
    for (const event of [challenged, probed(401), { type: "timer" } as const]) {
        assert.deepEqual(step(online, event, at), [online, []]);
    }
    assert.deepEqual(step(signed_out, closed(1006), at), [signed_out, []]);
});

test("the delay grows, is jittered and has a bound", () => {
    assert.equal(backoffMs(0, 0), 200);
    assert.ok(backoffMs(0, 0.999) <= 400);
    assert.ok(backoffMs(3, 0) > backoffMs(2, 0));
    assert.ok(backoffMs(1_000, 0.999) <= 15_000);
});
