// The policy's rules, as JSON: what runs by itself, what asks, what never runs.
import { useEffect, useState } from "preact/hooks";
import type { Policy as PolicyText, Rule } from "../rpc/contract";
import { useConsole } from "../state/console_context";
import { Action, Badge } from "./controls";
import { JsonView } from "./json_view";

const tones: Record<string, string> = { allow: "good", ask: "warn", deny: "bad" };

function parsed(text: string): { rules: Rule[] } | { problem: string } {
    try {
        const value: unknown = JSON.parse(text);
        return Array.isArray(value) ? { rules: value as Rule[] } : { problem: "The rules are a list: [ … ]" };
    } catch (error) {
        return { problem: (error as Error).message };
    }
}

function RuleRow({ rule }: { rule: Rule }) {
    const where = [rule.agent && `agent ${rule.agent}`, rule.node && `node ${rule.node}`, rule.principal && `for ${rule.principal}`];
    return (
        <li class="card list-row">
            <Badge tone={tones[rule.effect] ?? "plain"}>{rule.effect}</Badge>
            <span class="mono break">{rule.tool}</span>
            <span class="grow muted small">{[...where, rule.reason].filter(Boolean).join(" · ")}</span>
            {rule.when !== undefined && <details><summary class="small">when</summary><JsonView value={rule.when} /></details>}
        </li>
    );
}

export function Policy({ editable }: { editable: boolean }) {
    const { client } = useConsole();
    const [policy, setPolicy] = useState<PolicyText>();
    const [draft, setDraft] = useState<string>();
    useEffect(() => void client.read("policy.get", {}).then(setPolicy, () => undefined), []);
    if (!policy) return null;
    const reading = draft === undefined ? undefined : parsed(draft);
    const save = async () => {
        if (!reading || "problem" in reading) return;
        setPolicy(await client.change("policy.put", { rules: reading.rules, version: policy.version }));
        setDraft(undefined);
    };
    return (
        <section>
            <header class="row between">
                <h2>Policy <span class="muted small">version {policy.version}</span></h2>
                {editable && draft === undefined && (
                    <button class="button plain" onClick={() => setDraft(JSON.stringify(policy.rules, null, 2))} data-testid="policy-edit">Edit</button>
                )}
            </header>
            <p class="muted small">Deny beats ask beats allow. Where no rule matches, reading is allowed, writing and
                dangerous calls ask.</p>
            {draft === undefined
                ? <ul class="list">{policy.rules.map((rule) => <RuleRow rule={rule} />)}</ul>
                : (
                    <div class="stack">
                        <textarea class="mono" rows={12} value={draft} spellcheck={false} aria-label="Rules as JSON"
                            data-testid="policy-draft" onInput={(event) => setDraft(event.currentTarget.value)} />
                        {reading && "problem" in reading && <p class="callout tone-bad" role="alert">{reading.problem}</p>}
                        <div class="row">
                            <Action kind="primary" run={save} disabled={!reading || "problem" in reading} testid="policy-save"
                                done="The policy is in force.">Put into force</Action>
                            <button class="button plain" onClick={() => setDraft(undefined)}>Discard</button>
                        </div>
                    </div>
                )}
        </section>
    );
}
