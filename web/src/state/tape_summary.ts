// A tape item in a few words, for the timeline. Pure.
import type { IconName } from "../components/icon";
import type { Tape, TapeItem } from "../rpc/contract";

export type TapeTone = "plain" | "good" | "bad" | "warn" | "accent";

export interface TapeSummary {
    icon: IconName;
    tone: TapeTone;
    title: string;
    line: string;
    // Folded parts that are worth more than raw JSON.
    parts: { title: string; value: unknown }[];
}

const summary = (
    icon: IconName, tone: TapeTone, title: string, line = "", parts: TapeSummary["parts"] = [],
): TapeSummary => ({ icon, tone, title, line, parts: parts.filter(({ value }) => value !== undefined && value !== "") });

const joined = (...words: (string | undefined | false)[]): string => words.filter(Boolean).join(" · ");
const flat = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
const again = (attempt: number | undefined): string | false => (attempt ?? 1) > 1 && `attempt ${attempt}`;
const unlessEmpty = <T>(list: T[]): T[] | undefined => (list.length > 0 ? list : undefined);

const state_tones: Record<string, TapeTone> = {
    succeeded: "good", failed: "bad", cancelled: "warn", waiting: "warn", running: "accent",
};
const effect_tones: Record<string, TapeTone> = { allow: "good", ask: "warn", deny: "bad" };

const tellers: { [K in keyof Tape]: (payload: Tape[K]) => TapeSummary } = {
    status_change: (p) => summary("flag", state_tones[p.to] ?? "plain", p.from ? `${p.from} → ${p.to}` : p.to, p.reason),
    input: (p) => summary("person", "accent", "Input", p.text, [
        { title: "Text", value: p.text }, { title: "Attachments", value: p.attachments }, { title: "Hook", value: p.hook },
    ]),
    provider_request: (p) => summary("spark", "plain", "Model is asked", joined(p.model, again(p.attempt)), [
        { title: `Messages (${p.messages.length})`, value: p.messages }, { title: `Tools (${p.tools.length})`, value: p.tools },
    ]),
    provider_response: (p) => summary(
        "spark", "accent", "Model answers",
        joined(p.text, p.tool_calls.length > 0 && `asks for ${p.tool_calls.map((call) => call.tool).join(", ")}`),
        [
            { title: "Text", value: p.text }, { title: "Tool calls", value: unlessEmpty(p.tool_calls) },
            { title: `Usage (${p.usage.input_tokens} → ${p.usage.output_tokens} tokens)`, value: p.usage },
        ],
    ),
    provider_error: (p) => summary("alert", "bad", "Model failed", joined(p.message, again(p.attempt))),
    tool_call: (p) => summary("tool", "accent", p.tool, joined(p.risk, again(p.attempt)), [
        { title: "Arguments", value: p.arguments },
    ]),
    policy_decision: (p) => summary(
        "scales", effect_tones[p.effect] ?? "plain", `Policy: ${p.effect}`,
        joined(p.tool, p.reason, p.grant_id && "by a standing approval"), [{ title: "Rule", value: p.rule }],
    ),
    approval_request: (p) => summary(
        "approvals", "warn", p.kind === "outcome" ? "Asks what to do" : "Asks for approval", joined(p.risk, p.approval_id),
    ),
    approval_decision: (p) => summary(
        "approvals", p.state === "approved" ? "good" : "bad", `Approval: ${p.decision ?? p.state}`, joined(p.decided_by, p.reason),
    ),
    tool_output: (p) => summary(
        p.ok ? "check" : "alert", p.ok ? "good" : "bad", p.ok ? "Tool answers" : "Tool failed",
        p.ok ? flat(p.output) : (p.error?.message ?? flat(p.output)), [
            { title: "Output", value: p.output }, { title: "Error", value: p.error },
            { title: "Artifacts", value: unlessEmpty(p.artifacts) },
        ],
    ),
    retry: (p) => summary("retry", "warn", "Tries again", `attempt ${p.attempt} in ${p.delay_ms} ms`, [
        { title: "Because of", value: p.error },
    ]),
    lease: (p) => summary("lock", "plain", "Taken by a worker", joined(p.owner, p.reason)),
    note: (p) => summary("note", "plain", "Note", joined(p.text, p.forked_from && `forked from ${p.forked_from.run_id}`)),
};

export function summarize(item: TapeItem): TapeSummary {
    const teller = tellers[item.kind as keyof Tape] as ((payload: unknown) => TapeSummary) | undefined;
    return teller ? teller(item.payload) : summary("note", "plain", item.kind);
}
