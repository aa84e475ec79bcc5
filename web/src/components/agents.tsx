// Agents: who answers in a chat, with which model, prompt and tools.
import { useEffect, useState } from "preact/hooks";
import type { Agent, Params } from "../rpc/contract";
import { useConsole } from "../state/console_context";
import { Action, Dialog, Field } from "./controls";
import { Icon } from "./icon";

const lines = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

interface EditorProps {
    agent: Agent | undefined;
    onClose: () => void;
    onSaved: () => Promise<void>;
}

// What of a stored agent may go back into agent.put; its times and such may not.
const kept_members = ["name", "model", "temperature", "max_turns", "budgets"] as const;

function AgentEditor({ agent, onClose, onSaved }: EditorProps) {
    const { client } = useConsole();
    const [name, setName] = useState(agent?.name ?? "");
    const [model, setModel] = useState(agent?.model ?? "demo");
    const [prompt, setPrompt] = useState(agent?.system_prompt ?? "");
    const [tools, setTools] = useState((agent?.tools ?? ["*"]).join("\n"));
    const [max_turns, setMaxTurns] = useState(String(agent?.max_turns ?? 64));
    const save = async () => {
        const kept = Object.fromEntries(kept_members.flatMap((member) => (agent?.[member] === undefined ? [] : [[member, agent[member]]])));
        const next = { ...kept, name: name.trim(), model: model.trim(), tools: lines(tools), max_turns: Number(max_turns) } as Params<"agent.put">;
        if (prompt.trim()) next.system_prompt = prompt;
        await client.change("agent.put", next);
        await onSaved();
        onClose();
    };
    return (
        <Dialog title={agent ? `Agent ${agent.name}` : "New agent"} onClose={onClose}>
            <form class="stack" onSubmit={(event) => event.preventDefault()}>
                {!agent && <Field label="Name"><input value={name} onInput={(event) => setName(event.currentTarget.value)} data-testid="agent-name" /></Field>}
                <Field label="Model" hint="demo needs no network; others stand in the gateway's configuration.">
                    <input value={model} onInput={(event) => setModel(event.currentTarget.value)} data-testid="agent-model" />
                </Field>
                <Field label="System prompt">
                    <textarea rows={5} value={prompt} onInput={(event) => setPrompt(event.currentTarget.value)} data-testid="agent-prompt" />
                </Field>
                <Field label="Tools" hint="One pattern a line; * is all of them. Policy still decides each call.">
                    <textarea class="mono" rows={3} value={tools} onInput={(event) => setTools(event.currentTarget.value)} data-testid="agent-tools" />
                </Field>
                <Field label="Model turns a run may take">
                    <input type="number" min={1} value={max_turns} onInput={(event) => setMaxTurns(event.currentTarget.value)} />
                </Field>
                <div class="row wrap">
                    <Action kind="primary" run={save} disabled={!name.trim() || !model.trim()} done="The agent is saved." testid="agent-save">Save</Action>
                    {agent && agent.name !== "default" && (
                        <Action sure="Delete for good?" run={async () => {
                            await client.change("agent.delete", { name: agent.name });
                            await onSaved();
                            onClose();
                        }}>Delete</Action>
                    )}
                </div>
            </form>
        </Dialog>
    );
}

export function Agents({ editable }: { editable: boolean }) {
    const { client } = useConsole();
    const [agents, setAgents] = useState<Agent[]>([]);
    const [edited, setEdited] = useState<Agent | "new">();
    const load = async () => setAgents((await client.read("agent.list", { limit: 200 })).items);
    useEffect(() => void load().catch(() => undefined), []);
    return (
        <section>
            <header class="row between">
                <h2>Agents</h2>
                {editable && <button class="button plain" onClick={() => setEdited("new")} data-testid="agent-new"><Icon name="plus" size={16} /> New agent</button>}
            </header>
            <ul class="list">
                {agents.map((agent) => (
                    <li key={agent.name} class="card list-row" data-testid="agent-row">
                        <strong>{agent.name}</strong>
                        <span class="grow muted small ellipsis">{agent.model} · tools {(agent.tools ?? []).join(" ")}</span>
                        {editable && <button class="link" onClick={() => setEdited(agent)}>edit</button>}
                    </li>
                ))}
            </ul>
            {edited && <AgentEditor agent={edited === "new" ? undefined : edited} onClose={() => setEdited(undefined)} onSaved={load} />}
        </section>
    );
}
