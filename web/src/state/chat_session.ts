// The session that is open in the chat: its turns, what streams, what is being sent.
import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { RpcError, eventPayload, isFinished, tapePayload } from "../rpc/contract";
import type { EventItem, Events, HistoryMessage, Run, RunState, Session, TapeItem } from "../rpc/contract";
import { freshKey } from "../rpc/encoding";
import { openEventFeed, openTapeFeed } from "../rpc/feeds";
import type { Feed } from "../rpc/feeds";
import type { GatewayClient } from "../rpc/gateway_client";
import { applyDelta, endDelta, noDelta } from "./delta_text";
import type { DeltaText } from "./delta_text";
import { applyTapeItem, emptyTurn, turnsFromHistory } from "./transcript";
import type { Turn } from "./transcript";

export interface LiveTurn {
    run_id: string;
    turn: Signal<Turn>;
    streaming: Signal<DeltaText>;
    heard: DeltaText; // what has come in; shown at the next frame
    blocked_by: Signal<string | undefined>; // the run this one waits behind
}

export interface Outgoing {
    key: string;
    text: string;
    error?: string;
}

const messages_max = 500; // of history: what a person may scroll through
const runs_max = 100;
const tapes_at_start_max = 20;
const draw_ms = 40;

export class ChatSession {
    readonly session = signal<Session | undefined>(undefined);
    readonly turns = signal<LiveTurn[]>([]);
    readonly outgoing = signal<Outgoing[]>([]);
    readonly loading = signal(true);
    readonly problem = signal("");
    private readonly by_run_ = new Map<string, LiveTurn>();
    private readonly tapes_ = new Map<string, Feed>();
    private readonly held_runs_ = new Set<string>();
    private readonly events_: Feed;
    private drawing_: number | undefined;
    private closed_ = false;

    constructor(
        private readonly client_: GatewayClient, readonly session_id: string, private readonly on_change_: () => void,
    ) {
        this.events_ = openEventFeed(client_, [`session:${session_id}`], {
            onStart: () => void this.load(),
            onEvent: (event) => this.onEvent(event),
        });
    }

    close(): void {
        this.closed_ = true;
        this.events_.close();
        for (const tape of this.tapes_.values()) tape.close();
    }

    async send(text: string, key = freshKey()): Promise<void> {
        this.outgoing.value = [...this.outgoing.value.filter((other) => other.key !== key), { key, text }];
        try {
            const reply = await this.client_.change("run.start", { session_id: this.session_id, input: { text } }, key);
            this.outgoing.value = this.outgoing.value.filter((other) => other.key !== key);
            this.follow(reply.run_id, text, reply.state, reply.blocked_by?.run_id);
        } catch (error) {
            this.outgoing.value = this.outgoing.value.map((other) =>
                other.key === key ? { ...other, error: (error as Error).message } : other,
            );
        }
        if (this.outgoing.value.some((other) => !other.error)) return;
        for (const run_id of this.held_runs_) this.follow(run_id);
        this.held_runs_.clear();
    }

    discard(key: string): void {
        this.outgoing.value = this.outgoing.value.filter((other) => other.key !== key);
    }

    // After a refusal: a new attempt of the person, not a repetition of the old one.
    async resend(message: Outgoing): Promise<void> {
        this.discard(message.key);
        await this.send(message.text);
    }

    private async load(): Promise<void> {
        try {
            const [session, runs, messages] = await Promise.all([
                this.client_.read("session.get", { session_id: this.session_id }),
                this.client_.read("run.list", { session_id: this.session_id, limit: runs_max }),
                this.history(),
            ]);
            if (this.closed_) return;
            this.session.value = session;
            this.show(runs.items, messages);
        } catch (error) {
            if (this.closed_) return;
            this.problem.value = error instanceof RpcError && error.kind === "not_found"
                ? "There is no such chat any more." : (error as Error).message;
        } finally {
            this.loading.value = false;
        }
    }

    private async history(): Promise<HistoryMessage[]> {
        let kept: HistoryMessage[] = [];
        let after: string | undefined;
        do {
            const params = { session_id: this.session_id, limit: 1_000, ...(after === undefined ? {} : { after }) };
            const page = await this.client_.read("session.history", params);
            kept = [...kept, ...page.items].slice(-messages_max);
            after = page.next;
        } while (after !== undefined && !this.closed_);
        return kept;
    }

    private show(runs: Run[], messages: HistoryMessage[]): void {
        const unfinished = new Set(runs.filter((run) => !isFinished(run.state)).map((run) => run.run_id));
        const told = turnsFromHistory(messages.filter((message) => !unfinished.has(message.run_id)), runs);
        for (const turn of told) if (!this.by_run_.has(turn.run_id)) this.add(turn);
        const untold = runs.filter((run) => !this.by_run_.has(run.run_id)).slice(0, tapes_at_start_max);
        for (const run of untold.reverse()) this.follow(run.run_id, "", run.state);
    }

    private add(turn: Turn, blocked_by?: string): LiveTurn {
        const live: LiveTurn = {
            run_id: turn.run_id, turn: signal(turn), streaming: signal(noDelta), heard: noDelta, blocked_by: signal(blocked_by),
        };
        this.by_run_.set(turn.run_id, live);
        // Run ids are ULIDs: their order is the order in which the runs were asked for.
        this.turns.value = [...this.turns.value, live].sort((a, b) => (a.run_id < b.run_id ? -1 : 1));
        return live;
    }

    // Shows the run from its tape, from the first item on.
    private follow(run_id: string, user = "", state: RunState = "accepted", blocked_by?: string): void {
        const known = this.by_run_.get(run_id);
        const live = known ?? this.add(emptyTurn(run_id, user, state), blocked_by);
        if (blocked_by) live.blocked_by.value = blocked_by;
        if (this.tapes_.has(run_id) || known?.turn.value.blocks.length) return;
        this.tapes_.set(run_id, openTapeFeed(this.client_, run_id, {
            onItems: (items) => this.onTape(live, items),
            onEnd: (ended) => {
                live.streaming.value = live.heard = noDelta;
                live.turn.value = { ...live.turn.value, state: ended };
                this.tapes_.delete(run_id);
            },
        }));
    }

    private onTape(live: LiveTurn, items: TapeItem[]): void {
        live.turn.value = items.reduce(applyTapeItem, live.turn.value);
        if (live.turn.value.state !== "accepted") live.blocked_by.value = undefined;
        for (const item of items) {
            if (item.kind !== "provider_response") continue;
            live.heard = endDelta(live.heard, tapePayload("provider_response", item).step_id);
            live.streaming.value = live.heard;
        }
    }

    private onEvent(event: EventItem): void {
        switch (event.type) {
            case "run.delta":
                return this.onDelta(eventPayload("run.delta", event));
            case "run.state_changed":
                return this.onRunState(eventPayload("run.state_changed", event).run_id);
            case "session.updated":
                void this.client_.read("session.get", { session_id: this.session_id })
                    .then((session) => (this.session.value = session), () => undefined);
                return;
            case "session.deleted":
                this.problem.value = "This chat was deleted.";
        }
    }

    private onDelta(delta: Events["run.delta"]): void {
        const live = this.by_run_.get(delta.run_id);
        if (!live || isFinished(live.turn.value.state)) return;
        live.heard = applyDelta(live.heard, delta);
        // Words come faster than a page needs to be drawn.
        this.drawing_ ??= setTimeout(() => {
            this.drawing_ = undefined;
            for (const each of this.turns.value) each.streaming.value = each.heard;
        }, draw_ms);
    }

    private onRunState(run_id: string): void {
        this.on_change_();
        if (this.by_run_.has(run_id)) return;
        // While a message is on its way the new run is most likely its own; the reply will tell.
        if (this.outgoing.value.some((other) => !other.error)) this.held_runs_.add(run_id);
        else this.follow(run_id);
    }
}
