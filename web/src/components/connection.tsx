// Whether the gateway is there: a small mark that is always visible, and a banner while it isn't.
import type { ConnectionState } from "../rpc/connection_machine";
import { useConsole } from "../state/console_context";
import { Icon } from "./icon";
import { Countdown } from "./time";

function label(state: ConnectionState): string {
    switch (state.phase) {
        case "online": return "Connected";
        case "opening":
        case "probing":
        case "handshaking": return state.attempt > 0 ? "Reconnecting" : "Connecting";
        case "waiting": return "Reconnecting";
        case "refused": return "Refused";
        case "signed_out": return "Signed out";
    }
}

function tone(state: ConnectionState): string {
    if (state.phase === "online") return "good";
    return state.phase === "refused" || state.phase === "signed_out" ? "bad" : "warn";
}

export function ConnectionMark() {
    const state = useConsole().connection.value;
    return (
        <span class={`connection-mark tone-${tone(state)}`} role="status" data-testid="connection-state" data-phase={state.phase}>
            <span class="dot" aria-hidden="true" /> <span class="connection-label">{label(state)}</span>
        </span>
    );
}

export function ConnectionBanner() {
    const { connection, client, welcome } = useConsole();
    const state = connection.value;
    if (state.phase === "online" || state.phase === "signed_out") return null;
    if (state.phase === "refused") {
        return (
            <div class="banner tone-bad" role="alert" data-testid="connection-banner">
                <Icon name="alert" />
                <span class="grow"><strong>{state.reason}</strong> {state.remedy}</span>
                {!state.token_is_bad && <button class="button plain" onClick={() => client.retryNow()}>Try again</button>}
            </div>
        );
    }
    // The very first attempt is normally over before anybody could read a word about it.
    if (state.phase !== "waiting" && !welcome.value && state.attempt === 0) return null;
    return (
        <div class="banner tone-warn" data-testid="connection-banner">
            <span class="spinner" aria-hidden="true" />
            <span class="grow">
                {state.phase === "waiting"
                    ? <>{state.reason} Reconnecting in <Countdown at={state.retry_at} />. Nothing is lost.</>
                    : <>Reconnecting…</>}
            </span>
            {state.phase === "waiting" && <button class="button plain" onClick={() => client.retryNow()}>Now</button>}
        </div>
    );
}
