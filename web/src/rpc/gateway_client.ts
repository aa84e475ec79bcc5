// The console's one connection to the gateway: sign-in, handshake, requests, notifications, reconnect.
import { step } from "./connection_machine";
import type { ConnectionAction, ConnectionEvent, ConnectionState } from "./connection_machine";
import { RpcError } from "./contract";
import type { Change, ErrorObject, MethodName, Notifications, Params, Read, Result, Welcome } from "./contract";
import { loadDeviceKey, proofLines } from "./device_key";
import type { DeviceKey } from "./device_key";
import { base64url, freshKey, utf8 } from "./encoding";
import { RequestTable, frameOf } from "./request_table";
import type { Reply, Request } from "./request_table";

export interface ClientListener {
    onState?(state: ConnectionState): void;
    // A new connection is ready. Repeated requests are already on their way.
    onOnline?(welcome: Welcome): void;
    onNotification?<N extends keyof Notifications>(method: N, params: Notifications[N]): void;
}

interface Inbound {
    id?: number | null;
    method?: string;
    params?: object;
    result?: unknown;
    error?: ErrorObject;
}

const answer_ms_max = 8_000; // a ping that stays without an answer for so long: the connection is dead

export class GatewayClient {
    private state_: ConnectionState = { phase: "signed_out" };
    private token_ = "";
    private socket_: WebSocket | undefined;
    private challenge_: Notifications["connect.challenge"] | undefined;
    private device_: Promise<DeviceKey | undefined> | undefined;
    private timer_: number | undefined;
    private heartbeat_: number | undefined;
    private heard_at_ = 0;
    private readonly requests_ = new RequestTable();
    private readonly listeners_ = new Set<ClientListener>();

    constructor(private readonly base_url_: URL) {
        addEventListener("online", () => this.look());
        document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.look());
    }

    get state(): ConnectionState {
        return this.state_;
    }

    listen(listener: ClientListener): () => void {
        this.listeners_.add(listener);
        return () => this.listeners_.delete(listener);
    }

    signIn(token: string): void {
        this.token_ = token;
        this.device_ ??= loadDeviceKey();
        this.feed({ type: "sign_in" });
    }

    signOut(): void {
        this.token_ = "";
        this.requests_.abandon(new Error("You signed out."));
        this.feed({ type: "sign_out" });
    }

    retryNow(): void {
        this.feed({ type: "retry_now" });
    }

    // A question without effect. Asked again by itself when the connection breaks before the answer.
    read<M extends Read>(method: M, params: Params<M>): Promise<Result<M>> {
        return this.ask(method, params, true);
    }

    // A question that belongs to this connection: fails with ConnectionLost when it breaks.
    readOnce<M extends Read>(method: M, params: Params<M>): Promise<Result<M>> {
        return this.ask(method, params, false);
    }

    // A change. Under its idempotency key it is repeated until an answer comes, and happens once.
    change<M extends Change>(method: M, params: Params<M>, idempotency_key = freshKey()): Promise<Result<M>> {
        return this.ask(method, { ...params, idempotency_key }, true);
    }

    // Bytes of an artifact. They need the token, which a plain link can't send.
    async download(artifact_id: string): Promise<Blob> {
        const response = await fetch(new URL(`/v1/artifacts/${artifact_id}`, this.base_url_), { headers: this.authorization() });
        if (!response.ok) throw new Error(`The artifact could not be loaded (${response.status}).`);
        return response.blob();
    }

    private authorization(): Record<string, string> {
        return { authorization: `Bearer ${this.token_}` };
    }

    private ask<M extends MethodName>(method: M, params: object, repeatable: boolean): Promise<Result<M>> {
        return new Promise((resolve, reject) => {
            if (this.state_.phase === "signed_out" || this.state_.phase === "refused") {
                reject(new Error("There is no connection to the gateway."));
                return;
            }
            const settle = resolve as (result: unknown) => void;
            const request = this.requests_.add({ method, params, repeatable, resolve: settle, reject });
            if (this.state_.phase === "online") this.send(frameOf(request));
            else if (!repeatable) this.requests_.lose();
        });
    }

    private send(frame: string): void {
        if (this.socket_?.readyState === WebSocket.OPEN) this.socket_.send(frame);
    }

    private feed(event: ConnectionEvent): void {
        const before = this.state_.phase;
        const [next, actions] = step(this.state_, event, { now: Date.now(), random: Math.random() });
        this.state_ = next;
        for (const action of actions) this.carryOut(action);
        if (before === "online" && next.phase !== "online") this.leaveOnline();
        if (next.phase === "refused") this.requests_.abandon(new Error(next.reason));
        for (const listener of this.listeners_) listener.onState?.(next);
    }

    private carryOut(action: ConnectionAction): void {
        switch (action.do) {
            case "open":
                return this.open();
            case "drop":
                return this.drop();
            case "say_connect":
                return void this.sayConnect(this.socket_);
            case "probe":
                return void this.probe();
            case "timer":
                clearTimeout(this.timer_);
                this.timer_ = setTimeout(() => this.feed({ type: "timer" }), action.after_ms);
                return;
            case "stop_timer":
                return clearTimeout(this.timer_);
        }
    }

    private open(): void {
        this.drop();
        this.requests_.lose();
        const url = new URL("/ws", this.base_url_);
        url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
        const socket = new WebSocket(url, ["gatehouse.v1", `gatehouse.bearer.${base64url(utf8(this.token_))}`]);
        this.socket_ = socket;
        socket.onmessage = (message) => this.receive(String(message.data));
        socket.onclose = (close) => {
            this.socket_ = undefined;
            this.feed({ type: "closed", code: close.code, reason: close.reason });
        };
    }

    private drop(): void {
        const socket = this.socket_;
        if (!socket) return;
        this.socket_ = undefined;
        socket.onmessage = socket.onclose = null;
        socket.close();
    }

    private receive(text: string): void {
        this.heard_at_ = Date.now();
        const parsed = JSON.parse(text) as Inbound | Inbound[];
        for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
            if (message.method !== undefined) this.notified(message.method, message.params ?? {});
            else if (typeof message.id === "number") this.replied(message as Reply);
        }
    }

    private notified(method: string, params: object): void {
        if (method === "connect.challenge") {
            this.challenge_ = params as Notifications["connect.challenge"];
            this.feed({ type: "challenged" });
            return;
        }
        for (const listener of this.listeners_) {
            listener.onNotification?.(method as keyof Notifications, params as never);
        }
    }

    private replied(reply: Reply): void {
        const again: Request | undefined = this.requests_.settle(reply);
        if (!again) return;
        setTimeout(() => {
            if (this.state_.phase === "online" && this.requests_.has(again.id)) this.send(frameOf(again));
        }, RequestTable.delayMs(again.tries));
    }

    private async sayConnect(socket: WebSocket | undefined): Promise<void> {
        const challenge = this.challenge_;
        const device = await this.device_;
        if (!socket || !challenge) return;
        const params: Params<"connect"> = { protocol: 1, role: "client" };
        if (device) {
            const facts = { gateway_id: challenge.gateway_id, nonce: challenge.nonce, token: this.token_ };
            const lines = await proofLines({ ...facts, role: "client", device_id: device.id });
            params.device = { id: device.id, public_key: device.public_key, label: "Console", platform: "browser" };
            params.proof = await device.sign(lines);
        }
        if (this.socket_ !== socket) return;
        const settle = (result: unknown) => this.socket_ === socket && this.welcomed(result as Welcome);
        const refuse = (error: Error) => {
            if (this.socket_ !== socket || !(error instanceof RpcError)) return;
            this.feed({ type: "connect_refused", kind: error.kind, message: error.message });
        };
        this.send(frameOf(this.requests_.add({ method: "connect", params, repeatable: false, resolve: settle, reject: refuse })));
    }

    private welcomed(welcome: Welcome): void {
        this.feed({ type: "welcomed" });
        for (const request of this.requests_.all()) this.send(frameOf(request));
        const heartbeat_ms = welcome.limits.heartbeat_ms;
        clearInterval(this.heartbeat_);
        this.heartbeat_ = setInterval(() => {
            if (Date.now() - this.heard_at_ >= heartbeat_ms) this.look();
        }, heartbeat_ms / 2);
        for (const listener of this.listeners_) listener.onOnline?.(welcome);
    }

    // Is somebody there? After a sleep or a change of network the socket may look open and be dead.
    private look(): void {
        if (this.state_.phase === "waiting") return this.retryNow();
        if (this.state_.phase !== "online") return;
        const asked_at = Date.now();
        const socket = this.socket_;
        void this.readOnce("ping", {}).catch(() => undefined);
        setTimeout(() => {
            if (this.socket_ !== socket || this.heard_at_ >= asked_at) return;
            this.drop();
            this.feed({ type: "closed", code: 1006, reason: "The gateway stopped answering." });
        }, answer_ms_max);
    }

    private leaveOnline(): void {
        clearInterval(this.heartbeat_);
        this.requests_.lose();
    }

    private async probe(): Promise<void> {
        let status = 0;
        let detail = "";
        let retry_after_ms: number | undefined;
        try {
            const response = await fetch(new URL("/rpc/ping", this.base_url_), {
                method: "POST",
                headers: { ...this.authorization(), "content-type": "application/json" },
                body: "{}",
                signal: AbortSignal.timeout(5_000),
            });
            status = response.status;
            retry_after_ms = Number(response.headers.get("retry-after") ?? 0) * 1_000 || undefined;
            detail = ((await response.json()) as { detail?: string }).detail ?? "";
        } catch {
            // No answer, or one that is not JSON: the status says what there is to say.
        }
        this.feed({ type: "probed", status, detail, retry_after_ms });
    }
}
