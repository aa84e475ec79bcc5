// The contract's types, by the names the console uses. The generated file lies beside the sources in the build folder.
import type { ErrorObject, Events, Methods, RunState, Tape } from "../../protocol";

export type {
    Agent, Approval, ArtifactRef, Capability, ErrorObject, EventItem, Events, Grant, HistoryMessage, JsonObject, Methods, Node,
    Notifications, Operation, Pairing, Policy, Rule, Run, RunState, Scope, Session, SessionMode, Tape, TapeItem, Token,
} from "../../protocol";

export type MethodName = keyof Methods;
export type Params<M extends MethodName> = Methods[M]["params"];
export type Result<M extends MethodName> = Methods[M]["result"];
// A method that changes state takes an idempotency key, one that only reads doesn't.
export type Change = { [M in MethodName]: "idempotency_key" extends keyof Params<M> ? M : never }[MethodName];
export type Read = Exclude<MethodName, Change>;

export type Decision = Params<"approval.resolve">["decision"];
export type GrantScope = NonNullable<Params<"approval.resolve">["grant"]>;
export type GatewayStatus = Result<"gateway.status">;
export type Welcome = Result<"connect">;

// The payload of an event or a tape item whose name is known: the gateway has checked it against the schema.
export const eventPayload = <T extends keyof Events>(_type: T, event: { payload: unknown }): Events[T] => event.payload as Events[T];
export const tapePayload = <K extends keyof Tape>(_kind: K, item: { payload: unknown }): Tape[K] => item.payload as Tape[K];

export class RpcError extends Error {
    readonly code: number;
    readonly kind: string;
    readonly retryable: boolean;
    readonly details: unknown;

    constructor(error: ErrorObject) {
        super(error.message);
        this.name = "RpcError";
        this.code = error.code;
        this.kind = error.data.kind;
        this.retryable = error.data.retryable;
        this.details = error.data.details;
    }
}

export const isFinished = (state: RunState): boolean =>
    state === "succeeded" || state === "failed" || state === "cancelled";
