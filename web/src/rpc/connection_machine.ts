// When to open, wait, give up: the life of the console's connection as a pure function. It never touches a socket or a
// clock; gateway_client.ts carries out the actions it returns and feeds back what happened.

export type ConnectionState =
    | { phase: "signed_out" }
    | { phase: "opening"; attempt: number }
    | { phase: "handshaking"; attempt: number }
    | { phase: "online"; attempt: number; since: number }
    | { phase: "probing"; attempt: number }
    | { phase: "waiting"; attempt: number; retry_at: number; reason: string }
    | { phase: "refused"; reason: string; remedy: string; token_is_bad: boolean };

export type ConnectionEvent =
    | { type: "sign_in" }
    | { type: "sign_out" }
    | { type: "challenged" }
    | { type: "welcomed" }
    | { type: "connect_refused"; kind: string; message: string }
    | { type: "closed"; code: number; reason: string }
    | { type: "probed"; status: number; detail: string; retry_after_ms: number | undefined }
    | { type: "timer" }
    | { type: "retry_now" };

export type ConnectionAction =
    | { do: "open" }
    | { do: "drop" } // closes the socket; its `closed` is not to be fed back
    | { do: "say_connect" }
    | { do: "probe" } // asks over HTTP why the upgrade failed: a browser doesn't tell
    | { do: "timer"; after_ms: number } // replaces the timer that runs
    | { do: "stop_timer" };

export interface Surroundings {
    now: number; // ms
    random: number; // [0, 1)
}

export type Step = [ConnectionState, ConnectionAction[]];

const handshake_ms = 10_000;
const first_delay_ms = 400;
const delay_ms_max = 15_000;
const stable_after_ms = 5_000; // a connection that lasted as long counts as a success: the next delay is the first again

export function backoffMs(attempt: number, random: number): number {
    const whole = Math.min(delay_ms_max, first_delay_ms * 2 ** Math.min(attempt, 10));
    return Math.round(whole * (0.5 + random / 2));
}

function open(attempt: number): Step {
    return [{ phase: "opening", attempt }, [{ do: "open" }, { do: "timer", after_ms: handshake_ms }]];
}

function wait(attempt: number, reason: string, at: Surroundings, least_ms = 0): Step {
    const after_ms = Math.max(least_ms, backoffMs(attempt, at.random));
    return [
        { phase: "waiting", attempt: attempt + 1, retry_at: at.now + after_ms, reason },
        [{ do: "timer", after_ms }],
    ];
}

function refuse(reason: string, remedy: string, token_is_bad: boolean): Step {
    return [{ phase: "refused", reason, remedy, token_is_bad }, [{ do: "stop_timer" }]];
}

const new_token = "Ask an administrator for a new token and sign in with it.";

function afterClose(attempt: number, code: number, reason: string, at: Surroundings): Step {
    switch (code) {
        case 4401:
            return refuse(reason || "The token is not valid any more.", new_token, true);
        case 4403:
            return refuse(reason || "This token may not be used here.", new_token, true);
        case 4400:
            return refuse(reason || "The gateway did not accept the handshake.", "Reload the page, then try again.", false);
        case 1001:
            return wait(attempt, reason || "The gateway is shutting down.", at);
        case 1013:
            return wait(attempt, reason || "This connection read too slowly.", at);
        default:
            return wait(attempt, reason || "The connection was lost.", at);
    }
}

function afterProbe(attempt: number, event: ConnectionEvent & { type: "probed" }, at: Surroundings): Step {
    switch (event.status) {
        case 0:
            return wait(attempt, "The gateway can't be reached.", at);
        case 401:
            return refuse(event.detail || "The token is not valid.", new_token, true);
        case 403:
            return refuse(
                event.detail || "The gateway does not accept this page's address.",
                "Open the console at the address that the gateway printed, or add this origin to its configuration.",
                false,
            );
        case 421:
            return refuse(
                event.detail || "The gateway does not answer to this host name.",
                "Use the address that the gateway printed, or add this name to its configuration.",
                false,
            );
        case 429:
            return wait(attempt, event.detail || "Too many failed tokens from here.", at, event.retry_after_ms ?? 5_000);
        default:
            return wait(attempt, "The gateway could not open a connection.", at);
    }
}

function onClosed(state: ConnectionState, event: ConnectionEvent & { type: "closed" }, at: Surroundings): Step {
    switch (state.phase) {
        case "opening":
            // 1006 is what a browser says of every upgrade that was refused, whatever the answer was.
            if (event.code !== 1006) return afterClose(state.attempt, event.code, event.reason, at);
            return [{ phase: "probing", attempt: state.attempt }, [{ do: "probe" }, { do: "stop_timer" }]];
        case "handshaking":
            return afterClose(state.attempt, event.code, event.reason, at);
        case "online":
            return afterClose(
                at.now - state.since >= stable_after_ms ? 0 : state.attempt, event.code, event.reason, at,
            );
        default:
            return [state, []];
    }
}

function onTimer(state: ConnectionState, at: Surroundings): Step {
    switch (state.phase) {
        case "waiting":
            return open(state.attempt);
        case "opening":
        case "handshaking": {
            const [next, actions] = wait(state.attempt, "The gateway does not answer.", at);
            return [next, [{ do: "drop" }, ...actions]];
        }
        default:
            return [state, []];
    }
}

function onRetryNow(state: ConnectionState): Step {
    return state.phase === "waiting" || (state.phase === "refused" && !state.token_is_bad) ? open(0) : [state, []];
}

function onConnectRefused(
    state: ConnectionState, event: ConnectionEvent & { type: "connect_refused" }, at: Surroundings,
): Step {
    if (state.phase !== "handshaking") return [state, []];
    const for_good = ["unauthenticated", "forbidden", "invalid_params", "invalid_request"].includes(event.kind);
    const token_is_bad = event.kind === "unauthenticated" || event.kind === "forbidden";
    const [next, actions] = for_good
        ? refuse(event.message, token_is_bad ? new_token : "Reload the page, then try again.", token_is_bad)
        : wait(state.attempt, event.message, at);
    return [next, [{ do: "drop" }, ...actions]];
}

export function step(state: ConnectionState, event: ConnectionEvent, at: Surroundings): Step {
    switch (event.type) {
        case "sign_in": {
            const [next, actions] = open(0);
            return [next, [{ do: "drop" }, ...actions]];
        }
        case "sign_out":
            return [{ phase: "signed_out" }, [{ do: "drop" }, { do: "stop_timer" }]];
        case "challenged":
            return state.phase === "opening"
                ? [{ phase: "handshaking", attempt: state.attempt }, [{ do: "say_connect" }]]
                : [state, []];
        case "welcomed":
            return state.phase === "handshaking"
                ? [{ phase: "online", attempt: state.attempt, since: at.now }, [{ do: "stop_timer" }]]
                : [state, []];
        case "connect_refused":
            return onConnectRefused(state, event, at);
        case "closed":
            return onClosed(state, event, at);
        case "probed":
            return state.phase === "probing" ? afterProbe(state.attempt, event, at) : [state, []];
        case "timer":
            return onTimer(state, at);
        case "retry_now":
            return onRetryNow(state);
    }
}
