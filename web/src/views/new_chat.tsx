// A chat that doesn't exist yet: choose an agent, say the first thing.
import { useEffect, useState } from "preact/hooks";
import { Composer } from "../components/composer";
import { Brand, Icon } from "../components/icon";
import { Field } from "../components/controls";
import type { Agent } from "../rpc/contract";
import { freshKey } from "../rpc/encoding";
import { useConsole } from "../state/console_context";
import { attempt } from "../state/notices";
import { go } from "../state/route";
import { MenuButton } from "./chat";

const first_messages = new Map<string, string>();
const label_length_max = 60;
const own_key_prefix = "console-";

// Keys that the console made up say nothing to a person.
export const isOwnKey = (session_key: string): boolean => session_key.startsWith(own_key_prefix);

// The message a chat was made for; the open chat sends it.
export function takeFirstMessage(session_id: string): string | undefined {
    const text = first_messages.get(session_id);
    first_messages.delete(session_id);
    return text;
}

// What the demo model understands, as examples to try.
const demo_hints: { title: string; text: string }[] = [
    { title: "Ask a node about itself", text: "/call node__system__info {}" },
    { title: "Run a command (asks first)", text: '/call node__process__run {"argv":["uname","-a"]}' },
    { title: "Two calls at once", text: '/parallel 2\n/call node__system__info {}\n/call node__files__list {"path":"."}' },
    { title: "Take some time", text: "/say I think about it.\n/sleep 3000\n/say Done." },
];

function useAgents(): Agent[] {
    const { client, connection } = useConsole();
    const [agents, setAgents] = useState<Agent[]>([]);
    const online = connection.value.phase === "online";
    useEffect(() => {
        if (!online || agents.length > 0) return;
        client.read("agent.list", { limit: 200 }).then((page) => setAgents(page.items), () => undefined);
    }, [online]);
    return agents;
}

export function NewChat({ onMenu }: { onMenu: () => void }) {
    const { client } = useConsole();
    const agents = useAgents();
    const [agent, setAgent] = useState("default");
    const [session_key, setSessionKey] = useState("");
    const [busy, setBusy] = useState(false);
    const [suggestion, setSuggestion] = useState<{ text: string }>();
    const chosen = agents.find((candidate) => candidate.name === agent);

    async function begin(text: string) {
        setBusy(true);
        await attempt(async () => {
            const label = text.trim().split("\n")[0]!.slice(0, label_length_max);
            const key = session_key.trim() || `${own_key_prefix}${freshKey()}`;
            const session = await client.change("session.resolve", { session_key: key, agent, label });
            first_messages.set(session.session_id, text);
            go("chat", session.session_id);
        });
        setBusy(false);
    }
    return (
        <div class="chat-pane">
            <header class="chat-head"><MenuButton onMenu={onMenu} /><h1 class="grow">New chat</h1></header>
            <div class="transcript">
                <div class="welcome">
                    <Brand size={56} />
                    <h2>What shall be done?</h2>
                    <div class="welcome-fields">
                        <Field label="Agent">
                            <select value={agent} data-testid="agent-select" onChange={(event) => setAgent(event.currentTarget.value)}>
                                {(agents.length ? agents.map((known) => known.name) : ["default"]).map((name) => <option value={name}>{name}</option>)}
                            </select>
                        </Field>
                        <Field label="Key (optional)">
                            <input value={session_key} placeholder="kitchen" spellcheck={false} data-testid="session-key-input"
                                onInput={(event) => setSessionKey(event.currentTarget.value)} />
                        </Field>
                    </div>
                    {chosen && <p class="muted small">Model <code>{chosen.model}</code></p>}
                    {(chosen?.model ?? "demo") === "demo" && (
                        <div class="hints">
                            {demo_hints.map((hint) => (
                                <button type="button" class="hint" data-testid="demo-hint" onClick={() => setSuggestion({ text: hint.text })}>
                                    <span class="hint-title"><Icon name="spark" size={16} /> {hint.title}</span>
                                    <code class="ellipsis">{hint.text.split("\n").join("  ")}</code>
                                </button>
                            ))}
                        </div>
                    )}
                </div>
            </div>
            <Composer onSend={(text) => void begin(text)} busy={busy} placeholder="Write a message" suggestion={suggestion} />
        </div>
    );
}
