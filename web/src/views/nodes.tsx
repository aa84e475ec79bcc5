// The devices that work for the agents.
import { useState } from "preact/hooks";
import { CapabilitiesView } from "../components/capabilities";
import { Action, Badge, Empty } from "../components/controls";
import { Icon } from "../components/icon";
import { Ago } from "../components/time";
import type { Node } from "../rpc/contract";
import { useConsole } from "../state/console_context";
import { PairDevice } from "./pair_device";
import { ViewHead } from "./shell";

const state_tones: Record<string, string> = { online: "good", offline: "plain", revoked: "bad" };

function NodeTitle({ node }: { node: Node }) {
    const { client, inbox } = useConsole();
    const [name, setName] = useState<string>();
    if (name === undefined) {
        return (
            <h3 class="row">
                <Icon name="nodes" /> <span class="break">{node.label || node.device_id}</span>
                {node.state !== "revoked" && <button class="link small" onClick={() => setName(node.label)} data-testid="node-rename">rename</button>}
            </h3>
        );
    }
    const rename = async () => {
        await client.change("node.rename", { node: node.device_id, label: name.trim() });
        await inbox.loadNodes();
        setName(undefined);
    };
    return (
        <form class="row wrap" onSubmit={(event) => event.preventDefault()}>
            <input aria-label="New name" value={name} autoFocus data-testid="node-label" onInput={(event) => setName(event.currentTarget.value)} />
            <Action kind="primary" run={rename} disabled={!name.trim()} testid="node-rename-save">Save</Action>
            <button type="button" class="button plain" onClick={() => setName(undefined)}>Back</button>
        </form>
    );
}

function NodeCard({ node }: { node: Node }) {
    const { client, inbox } = useConsole();
    const revoke = async () => {
        await client.change("node.revoke", { node: node.device_id });
        await inbox.loadNodes();
    };
    const operations = node.capabilities.reduce((count, capability) => count + capability.operations.length, 0);
    return (
        <article class="card stack" data-testid="node-card" data-state={node.state}>
            <header class="row between wrap">
                <NodeTitle node={node} />
                <Badge tone={state_tones[node.state] ?? "plain"} testid="node-state">{node.state}</Badge>
            </header>
            <p class="muted small row wrap gap-s">
                <span>{[node.platform, node.version, node.trust].filter(Boolean).join(" · ")}</span>
                {node.state !== "online" && node.last_seen_at && <span>· seen <Ago instant={node.last_seen_at} /></span>}
            </p>
            <p class="mono small muted break">{node.device_id}</p>
            <details open={operations <= 8}>
                <summary>{operations} operation{operations === 1 ? "" : "s"}</summary>
                <CapabilitiesView capabilities={node.capabilities} allow={node.allow} />
            </details>
            {node.state !== "revoked" && (
                <div class="row"><Action sure="Shut it out for good?" run={revoke} testid="node-revoke">Revoke</Action></div>
            )}
        </article>
    );
}

export function NodesView() {
    const { inbox } = useConsole();
    const [inviting, setInviting] = useState(false);
    const nodes = [...inbox.nodes.value].sort((a, b) => Number(a.state === "revoked") - Number(b.state === "revoked"));
    return (
        <div class="view">
            <ViewHead title="Nodes" hint={`${inbox.online_nodes.value} of ${nodes.length} online`}>
                <button class="button primary" onClick={() => setInviting(true)} data-testid="pair-device"><Icon name="plus" size={18} /> Pair a device</button>
            </ViewHead>
            {inbox.loaded.value && nodes.length === 0 && (
                <Empty icon="nodes" title="No node yet">Pair a device, and its abilities become tools of your agents.</Empty>
            )}
            <div class="grid">{nodes.map((node) => <NodeCard key={node.device_id} node={node} />)}</div>
            {inviting && <PairDevice onClose={() => setInviting(false)} />}
        </div>
    );
}
