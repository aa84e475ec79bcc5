// The requests that have no reply yet. What may be repeated outlives its connection: a read is simply asked again, a
// change is asked again under the same idempotency key, so its effect happens once.
import { RpcError } from "./contract";
import type { ErrorObject } from "./contract";

export interface Request {
    id: number;
    method: string;
    params: object;
    // False for subscriptions and waits, which make sense on the connection they were asked on only.
    repeatable: boolean;
    tries: number;
    resolve(result: unknown): void;
    reject(error: Error): void;
}

export interface Reply {
    id: number;
    result?: unknown;
    error?: ErrorObject;
}

const tries_max = 5;

export class ConnectionLost extends Error {
    constructor() {
        super("The connection was lost before the answer came.");
    }
}

export class RequestTable {
    private next_id_ = 1;
    private readonly open_ = new Map<number, Request>();

    add(request: Omit<Request, "id" | "tries">): Request {
        const added = { ...request, id: this.next_id_++, tries: 1 };
        this.open_.set(added.id, added);
        return added;
    }

    // Settles the request, or returns it where the gateway asks for patience: to be sent again after `delayMs(tries)`.
    settle(reply: Reply): Request | undefined {
        const request = this.open_.get(reply.id);
        if (!request) return undefined;
        if (reply.error?.data.retryable && reply.error.data.kind === "busy" && request.repeatable && request.tries < tries_max) {
            request.tries += 1;
            return request;
        }
        this.open_.delete(reply.id);
        if (reply.error) request.reject(new RpcError(reply.error));
        else request.resolve(reply.result);
        return undefined;
    }

    has(id: number): boolean {
        return this.open_.has(id);
    }

    // The connection is gone: what can't be repeated fails now.
    lose(): void {
        for (const request of [...this.open_.values()]) {
            if (request.repeatable) continue;
            this.open_.delete(request.id);
            request.reject(new ConnectionLost());
        }
    }

    // The connection won't come back: everything fails.
    abandon(error: Error): void {
        const all = [...this.open_.values()];
        this.open_.clear();
        for (const request of all) request.reject(error);
    }

    // In the order in which they were first asked.
    all(): Request[] {
        return [...this.open_.values()];
    }

    static delayMs(tries: number): number {
        return 200 * 2 ** (tries - 2);
    }
}

export function frameOf(request: Request): string {
    return JSON.stringify({ jsonrpc: "2.0", id: request.id, method: request.method, params: request.params });
}
