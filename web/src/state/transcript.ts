// A chat as people read it: one turn per run, made from the run's tape or, for runs that are long over, from the
// session's history. Pure; a turn is never changed, only replaced.
import { tapePayload } from "../rpc/contract";
import type { ArtifactRef, HistoryMessage, Run, RunState, Tape, TapeItem } from "../rpc/contract";

export interface TextBlock {
    kind: "text";
    text: string;
}

export interface ToolBlock {
    kind: "tool";
    id: string; // step_id on the tape, call_id in the history
    tool: string;
    arguments: unknown;
    phase: "proposed" | "running" | "done" | "failed";
    output?: unknown;
    artifacts?: ArtifactRef[];
}

export interface AsideBlock {
    kind: "aside";
    tone: "plain" | "bad" | "person";
    text: string;
}

export type Block = TextBlock | ToolBlock | AsideBlock;

export interface Turn {
    run_id: string;
    user: string;
    blocks: Block[];
    state: RunState;
    error?: string;
    // Calls the model asked for that have no step yet: each gets one with its policy decision, in this order.
    asked: { tool: string; arguments: unknown }[];
}

export function emptyTurn(run_id: string, user = "", state: RunState = "accepted"): Turn {
    return { run_id, user, blocks: [], state, asked: [] };
}

function withTool(turn: Turn, id: string, change: Partial<ToolBlock>): Turn {
    const known = turn.blocks.some((block) => block.kind === "tool" && block.id === id);
    if (!known) {
        const made: ToolBlock = { kind: "tool", id, tool: "", arguments: {}, phase: "proposed", ...change };
        return { ...turn, blocks: [...turn.blocks, made] };
    }
    const blocks = turn.blocks.map((block) => (block.kind === "tool" && block.id === id ? { ...block, ...change } : block));
    return { ...turn, blocks };
}

const withBlock = (turn: Turn, block: Block): Turn => ({ ...turn, blocks: [...turn.blocks, block] });

function withInput(turn: Turn, text: string): Turn {
    // The first input is the question; a later one was sent while the run worked.
    return turn.blocks.length === 0 && (turn.user === "" || turn.user === text)
        ? { ...turn, user: text }
        : withBlock(turn, { kind: "aside", tone: "person", text });
}

function withStatus(turn: Turn, change: Tape["status_change"]): Turn {
    const next: Turn = { ...turn, state: change.to };
    if (change.to === "failed") next.error = change.reason ?? "The run failed.";
    if (change.to === "cancelled" && change.reason) next.error = change.reason;
    return next;
}

function withResponse(turn: Turn, response: Tape["provider_response"]): Turn {
    const next = { ...turn, asked: response.tool_calls };
    return response.text === "" ? next : withBlock(next, { kind: "text", text: response.text });
}

function withPolicy(turn: Turn, decision: Tape["policy_decision"]): Turn {
    const [call, ...asked] = turn.asked;
    if (!call || !decision.step_id) return turn;
    return withTool({ ...turn, asked }, decision.step_id, { tool: call.tool, arguments: call.arguments, phase: "proposed" });
}

function withDecision(turn: Turn, decision: Tape["approval_decision"]): Turn {
    if (decision.state === "approved") return turn;
    const why = decision.reason ? `: ${decision.reason}` : "";
    const word = decision.state === "denied" ? "Denied" : `The approval is ${decision.state}`;
    return withBlock(turn, { kind: "aside", tone: "bad", text: `${word}${why}` });
}

function withOutput(turn: Turn, answer: Tape["tool_output"]): Turn {
    const output = answer.ok ? answer.output : (answer.error?.message ?? answer.output);
    return withTool(turn, answer.step_id, { phase: answer.ok ? "done" : "failed", output, artifacts: answer.artifacts });
}

// Up to here the tape is another run's; this one begins, whatever became of that one.
function withNote(turn: Turn, note: Tape["note"]): Turn {
    if (!note.forked_from) return turn;
    const { run_id, user, blocks } = turn;
    return withBlock({ ...emptyTurn(run_id, user), blocks }, { kind: "aside", tone: "plain", text: "Forked here" });
}

export function applyTapeItem(turn: Turn, item: TapeItem): Turn {
    switch (item.kind as keyof Tape) {
        case "status_change":
            return withStatus(turn, tapePayload("status_change", item));
        case "input":
            return withInput(turn, tapePayload("input", item).text);
        case "provider_response":
            return withResponse(turn, tapePayload("provider_response", item));
        case "policy_decision":
            return withPolicy(turn, tapePayload("policy_decision", item));
        case "tool_call": {
            const call = tapePayload("tool_call", item);
            return withTool(turn, call.step_id, { tool: call.tool, arguments: call.arguments, phase: "running" });
        }
        case "approval_request": {
            const { step_id } = tapePayload("approval_request", item);
            return step_id ? withTool(turn, step_id, { phase: "proposed" }) : turn;
        }
        case "approval_decision":
            return withDecision(turn, tapePayload("approval_decision", item));
        case "tool_output":
            return withOutput(turn, tapePayload("tool_output", item));
        case "provider_error":
            return withBlock(turn, { kind: "aside", tone: "bad", text: tapePayload("provider_error", item).message });
        case "note":
            return withNote(turn, tapePayload("note", item));
        default:
            return turn;
    }
}

function parsedOrText(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

function withMessage(turn: Turn, message: HistoryMessage): Turn {
    if (message.role === "user") return withInput(turn, message.text);
    if (message.role === "tool") {
        const change: Partial<ToolBlock> = {
            phase: message.ok === false ? "failed" : "done", output: parsedOrText(message.text),
        };
        if (message.tool) change.tool = message.tool;
        return withTool(turn, message.call_id ?? `${message.ordinal}`, change);
    }
    const said = message.text === "" ? turn : withBlock(turn, { kind: "text", text: message.text });
    return (message.tool_calls ?? []).reduce(
        (all, call) => withTool(all, call.call_id, { tool: call.tool, arguments: call.arguments }), said,
    );
}

// The turns of runs that are over. A run the list doesn't reach any more is taken as one that went well.
export function turnsFromHistory(messages: HistoryMessage[], runs: Run[]): Turn[] {
    const known_runs = new Map(runs.map((run) => [run.run_id, run]));
    const turns = new Map<string, Turn>();
    for (const message of messages) {
        const run = known_runs.get(message.run_id);
        let turn = turns.get(message.run_id) ?? emptyTurn(message.run_id, "", run?.state ?? "succeeded");
        if (run?.error) turn = { ...turn, error: run.error.message };
        turns.set(message.run_id, withMessage(turn, message));
    }
    return [...turns.values()];
}
