// What waits for a person, and what is connected: approvals, pairings, nodes, sessions. Loaded once, then kept in step
// by events. The topic "runs" is left out: it brings the streaming text of every run there is. So the list of sessions is
// loaded again when this console changed one, and when the person comes back to the page.
import { computed, signal } from "@preact/signals";
import { eventPayload } from "../rpc/contract";
import type { Approval, EventItem, Node, Pairing, Session } from "../rpc/contract";
import { openEventFeed } from "../rpc/feeds";
import type { GatewayClient } from "../rpc/gateway_client";

const refresh_ms = 60; // events come in bursts: one load answers them all

export class Inbox {
    readonly approvals = signal<Approval[]>([]);
    readonly pairings = signal<Pairing[]>([]);
    readonly nodes = signal<Node[]>([]);
    readonly sessions = signal<Session[]>([]);
    readonly loaded = signal(false);
    readonly online_nodes = computed(() => this.nodes.value.filter((node) => node.state === "online").length);
    private readonly timers_ = new Map<string, number>();

    constructor(private readonly client_: GatewayClient) {
        openEventFeed(client_, ["approvals", "pairings", "nodes"], {
            onStart: () => this.loadAll(),
            onEvent: (event) => this.onEvent(event),
        });
        document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.sessionsChanged());
    }

    sessionsChanged(): void {
        if (this.client_.state.phase === "online") this.later("sessions", () => this.loadSessions());
    }

    private loadAll(): void {
        void Promise.allSettled([this.loadApprovals(), this.loadPairings(), this.loadNodes(), this.loadSessions()])
            .then(() => (this.loaded.value = true));
    }

    async loadApprovals(): Promise<void> {
        this.approvals.value = (await this.client_.read("approval.list", { state: "pending", limit: 200 })).items;
    }

    async loadPairings(): Promise<void> {
        this.pairings.value = (await this.client_.read("pairing.list", { state: "pending", limit: 200 })).items;
    }

    async loadNodes(): Promise<void> {
        this.nodes.value = (await this.client_.read("node.list", { limit: 500 })).items;
    }

    async loadSessions(): Promise<void> {
        this.sessions.value = (await this.client_.read("session.list", { limit: 100 })).items;
    }

    // What this console has just decided is gone before the event comes round.
    dropApproval(approval_id: string): void {
        this.approvals.value = this.approvals.value.filter((other) => other.approval_id !== approval_id);
    }

    dropPairing(pairing_id: string): void {
        this.pairings.value = this.pairings.value.filter((other) => other.pairing_id !== pairing_id);
    }

    private later(name: string, load: () => Promise<void>): void {
        clearTimeout(this.timers_.get(name));
        this.timers_.set(name, setTimeout(() => void load().catch(() => undefined), refresh_ms));
    }

    private onEvent(event: EventItem): void {
        switch (event.type.split(".")[0]) {
            case "approval":
                if (event.type !== "approval.requested") this.dropApproval(eventPayload("approval.expired", event).approval_id);
                return this.later("approvals", () => this.loadApprovals());
            case "pairing":
                if (event.type !== "pairing.requested") this.dropPairing(eventPayload("pairing.expired", event).pairing_id);
                return this.later("pairings", () => this.loadPairings());
            case "node":
                return this.later("nodes", () => this.loadNodes());
        }
    }
}
