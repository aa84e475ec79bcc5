// Subscriptions that survive their connection: each goes on where it stopped, on whatever connection there is.
import { ConnectionLost } from "./request_table";
import { RpcError } from "./contract";
import type { EventItem, RunState, TapeItem } from "./contract";
import type { GatewayClient } from "./gateway_client";
import { EventLedger, TapeLedger } from "./ledgers";

export interface EventFeedHandler {
    // The feed starts, or starts anew because its place in the log is gone: load what is shown from the gateway. Every
    // event from before the load is in it, every later one comes to `onEvent`.
    onStart(): void;
    onEvent(event: EventItem): void;
}

export interface Feed {
    close(): void;
}

function report(error: unknown): void {
    if (!(error instanceof ConnectionLost)) console.error("A subscription failed:", error);
}

export function openEventFeed(client: GatewayClient, topics: string[], handler: EventFeedHandler): Feed {
    const ledger = new EventLedger();
    let subscription: string | undefined;
    let closed = false;

    async function subscribe(): Promise<void> {
        subscription = undefined;
        const after = ledger.cursor;
        try {
            const reply = await client.readOnce("events.subscribe", after === undefined ? { topics } : { topics, after });
            if (closed) return void client.read("events.unsubscribe", { subscription_id: reply.subscription_id });
            subscription = reply.subscription_id;
            ledger.begin(reply.cursor);
            if (after === undefined) handler.onStart();
        } catch (error) {
            if (!(error instanceof RpcError) || error.kind !== "cursor_expired") return report(error);
            ledger.reset();
            await subscribe();
        }
    }

    const ignore = client.listen({
        onOnline: () => void subscribe(),
        onNotification(method, params) {
            if (method !== "event" || !("events" in params) || params.subscription_id !== subscription) return;
            for (const event of ledger.accept(params)) handler.onEvent(event);
        },
    });
    if (client.state.phase === "online") void subscribe();

    return {
        close() {
            closed = true;
            ignore();
            if (subscription && client.state.phase === "online") {
                client.readOnce("events.unsubscribe", { subscription_id: subscription }).catch(report);
            }
        },
    };
}

export interface TapeFeedHandler {
    onItems(items: TapeItem[]): void;
    // The terminal item has been delivered.
    onEnd(state: RunState): void;
    onError?(error: RpcError): void;
}

export function openTapeFeed(client: GatewayClient, run_id: string, handler: TapeFeedHandler): Feed {
    const ledger = new TapeLedger();
    let subscription: string | undefined;
    let over = false;

    async function subscribe(): Promise<void> {
        subscription = undefined;
        try {
            const reply = await client.readOnce("run.subscribe", { run_id, after_seq: ledger.head });
            subscription = reply.subscription_id;
            if (over) close();
        } catch (error) {
            if (error instanceof RpcError) handler.onError?.(error);
            report(error);
        }
    }

    function close(): void {
        over = true;
        ignore();
        if (subscription && client.state.phase === "online") {
            client.readOnce("events.unsubscribe", { subscription_id: subscription }).catch(report);
        }
        subscription = undefined;
    }

    const ignore = client.listen({
        onOnline: () => void subscribe(),
        onNotification(method, params) {
            if (over || !("run_id" in params) || params.subscription_id !== subscription) return;
            if (method === "tape" && "items" in params) {
                const { fresh, gap } = ledger.accept(params.items);
                if (fresh.length > 0) handler.onItems(fresh);
                if (gap) void subscribe();
            } else if (method === "tape.end" && "state" in params) {
                subscription = undefined;
                over = true;
                ignore();
                handler.onEnd(params.state);
            }
        },
    });
    if (client.state.phase === "online") void subscribe();
    return { close };
}
