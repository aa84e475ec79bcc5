// Runs of the fake gateway: the demo model's directives, near enough to look at.
import { createHash } from "node:crypto";
import { id, now } from "./fake_gateway.mjs";

const operation = (name, description, risk) => ({ name, description, input_schema: { type: "object" }, risk, idempotent: risk === "read" });
export const capabilities = [
    { id: "system", version: "1.0.0", operations: [operation("info", "Operating system, memory, load", "read")] },
    { id: "files", version: "1.0.0", operations: [
        operation("list", "Lists a folder below the root", "read"), operation("read", "Reads a file", "read"), operation("write", "Writes a file", "write"),
    ] },
    { id: "process", version: "1.0.0", operations: [operation("run", "Runs a program, without a shell", "dangerous")] },
];

const risks = new Map(capabilities.flatMap((c) => c.operations.map((o) => [`node__${c.id}__${o.name}`, o.risk])));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function append(run, kind, payload) {
    const seq = run.tape.length + 1;
    const prev_hash = run.tape_head.hash;
    const hash = createHash("sha256").update(`${prev_hash}\n${seq}\n${kind}\n${JSON.stringify(payload)}`).digest("hex");
    run.tape.push({ seq, kind, occurred_at: now(), payload, prev_hash, hash });
    run.tape_head = { seq, hash };
    for (const waiter of run.waiters) waiter();
}

function move(g, run, to, reason) {
    const from = run.state;
    run.state = to;
    if (["succeeded", "failed", "cancelled"].includes(to)) run.finished_at = now();
    append(run, "status_change", { from, to, ...(reason ? { reason } : {}) });
    g.emit([`run:${run.run_id}`, `session:${run.session_id}`, "runs"], "run.state_changed", { run_id: run.run_id, session_id: run.session_id, from, to });
    if (run.finished_at) run.next?.();
}

async function stream(g, run, turn, text) {
    let offset = 0;
    for (const piece of text.match(/\S+\s*/g) ?? []) {
        await pause(g.word_ms ?? 60);
        g.emit([`run:${run.run_id}`, `session:${run.session_id}`], "run.delta", { run_id: run.run_id, step_id: `turn_${turn}`, attempt: 1, offset, text: piece }, true);
        offset += Buffer.byteLength(piece);
    }
}

function asked(g, run, step_id, tool, args) {
    const approval_id = id("app");
    return new Promise((resolve) => {
        g.approvals.set(approval_id, {
            approval_id, kind: "call", run_id: run.run_id, step_id, state: "pending", risk: risks.get(tool), subject_hash: "0".repeat(64),
            subject: { tool, arguments: args, agent: run.agent, session_id: run.session_id, run_id: run.run_id, step_id, principal: "user:admin", node: [...g.nodes.keys()][0] },
            requested_at: now(), expires_at: new Date(Date.now() + 86_400_000).toISOString(), decided: resolve, toJSON() { const { decided, toJSON, ...rest } = this; return rest; },
        });
        append(run, "approval_request", { approval_id, kind: "call", step_id, subject_hash: "0".repeat(64), risk: risks.get(tool) });
        g.emit(["approvals", `session:${run.session_id}`], "approval.requested", { approval_id, run_id: run.run_id, session_id: run.session_id });
        move(g, run, "waiting");
    });
}

async function callTool(g, run, step, tool, args) {
    const step_id = `step_${step}`;
    const risk = risks.get(tool);
    append(run, "tool_call", { step_id, tool, arguments: args, risk, attempt: 1, idempotency_key: id("key") });
    append(run, "policy_decision", { step_id, tool, effect: risk === "read" ? "allow" : risk ? "ask" : "deny" });
    if (risk && risk !== "read") {
        const decided = await asked(g, run, step_id, tool, args);
        append(run, "approval_decision", { approval_id: decided.approval_id, step_id, state: decided.state, decision: decided.decision, decided_by: "user:admin", ...(decided.reason ? { reason: decided.reason } : {}) });
        move(g, run, "running");
        if (decided.state === "denied") return append(run, "tool_output", { step_id, ok: false, output: null, artifacts: [], error: { code: -32010, message: decided.reason ?? "Denied by a person.", data: { kind: "policy_denied", retryable: false } } });
    }
    await pause(250);
    const output = !risk ? null : tool.endsWith("info") ? { os: "Linux 6.1", host: "workshop", cpus: 8, load: [0.4, 0.3, 0.2] } : { exit_code: 0, stdout: "Linux workshop 6.1.0-27-amd64 x86_64 GNU/Linux\n", stderr: "" };
    append(run, "tool_output", { step_id, ok: Boolean(risk), output, artifacts: [], ...(risk ? {} : { error: { code: -32003, message: `There is no tool ${tool}.`, data: { kind: "not_found", retryable: false } } }) });
    return output;
}

export async function runTurns(g, run, text, before) {
    run.cancel = (reason) => {
        run.cancelled = true;
        move(g, run, "cancelled", reason);
    };
    append(run, "status_change", { to: "accepted" });
    append(run, "input", { text, principal: "user:admin" });
    if (before && !before.finished_at) await new Promise((resolve) => (before.next = resolve));
    await pause(50);
    run.started_at = now();
    move(g, run, "running");
    g.messages.push({ session_id: run.session_id, ordinal: g.messages.length + 1, run_id: run.run_id, role: "user", text, created_at: now() });
    const outputs = [];
    let said = "";
    let turn = 1;
    for (const line of text.split("\n")) {
        const [, directive, rest] = /^\/(\w+)\s*(.*)$/s.exec(line) ?? [];
        append(run, "provider_request", { step_id: `turn_${turn}`, model: "demo", messages: [{ role: "user", content: text }], tools: [...risks.keys()].map((name) => ({ name })), attempt: 1 });
        if (directive === "sleep") await pause(Number(rest));
        const words = directive === "say" ? rest : directive ? "" : `You said: ${line}`;
        await stream(g, run, turn, words);
        if (run.cancelled) return;
        const call = directive === "call" ? /^(\S+)\s*(.*)$/.exec(rest) : undefined;
        append(run, "provider_response", { step_id: `turn_${turn}`, text: words, tool_calls: call ? [{ call_id: `c${turn}`, tool: call[1], arguments: JSON.parse(call[2] || "{}") }] : [], usage: { input_tokens: 12, output_tokens: 7 }, finish_reason: call ? "tool_calls" : "stop" });
        if (call) outputs.push(await callTool(g, run, turn, call[1], JSON.parse(call[2] || "{}")));
        if (run.cancelled) return;
        said += words;
        turn += 1;
    }
    g.messages.push({ session_id: run.session_id, ordinal: g.messages.length + 1, run_id: run.run_id, role: "assistant", text: [said, ...outputs.map((o) => JSON.stringify(o))].filter(Boolean).join("\n"), created_at: now() });
    run.output = { text: said };
    move(g, run, "succeeded");
}
