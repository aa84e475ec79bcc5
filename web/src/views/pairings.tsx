// Devices that ask to be let in.
import { useState } from "preact/hooks";
import { CapabilitiesView, operationNames } from "../components/capabilities";
import { Action, Empty, Field } from "../components/controls";
import { Icon } from "../components/icon";
import { Ago, Until } from "../components/time";
import type { Pairing } from "../rpc/contract";
import { useConsole } from "../state/console_context";
import { PairDevice } from "./pair_device";
import { ViewHead } from "./shell";

// What was ticked is named operation by operation, so that a device can't widen its rights by offering more later; unless
// the person says that it may.
export function allowOf(chosen: ReadonlySet<string>, all: string[], later: boolean): string[] {
    return later ? ["*"] : all.filter((name) => chosen.has(name));
}

function PairingCard({ pairing }: { pairing: Pairing }) {
    const { client, inbox } = useConsole();
    const all = operationNames(pairing.capabilities);
    const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(all));
    const [later, setLater] = useState(false);
    const [label, setLabel] = useState(pairing.device.label ?? "");
    const toggle = (name: string) => {
        const next = new Set(chosen);
        if (!next.delete(name)) next.add(name);
        setChosen(next);
    };
    const decided = () => inbox.dropPairing(pairing.pairing_id);
    const approve = async () => {
        const named = label.trim() && label.trim() !== pairing.device.label ? { label: label.trim() } : {};
        await client.change("pairing.approve", { pairing_id: pairing.pairing_id, allow: allowOf(chosen, all, later), ...named });
        decided();
    };
    const deny = async () => {
        await client.change("pairing.deny", { pairing_id: pairing.pairing_id });
        decided();
    };
    return (
        <article class="card stack" data-testid="pairing-card" data-pairing-id={pairing.pairing_id}>
            <header class="row between wrap">
                <h3 class="row"><Icon name="nodes" /> {pairing.device.label || "A device"}</h3>
                <span class="muted small">{[pairing.device.platform, pairing.device.version].filter(Boolean).join(" · ")}</span>
            </header>
            <p class="mono small muted break">{pairing.device.id}</p>
            <Field label="Name"><input value={label} data-testid="pairing-label" onInput={(event) => setLabel(event.currentTarget.value)} /></Field>
            <fieldset>
                <legend>What it may be asked to do</legend>
                <CapabilitiesView capabilities={pairing.capabilities} chosen={later ? new Set(all) : chosen} onToggle={toggle} />
                <label class="row operation">
                    <input type="checkbox" checked={later} onChange={() => setLater(!later)} data-testid="pairing-later" />
                    <span>Everything, also what it offers later</span>
                </label>
            </fieldset>
            <p class="muted small">Asked <Ago instant={pairing.requested_at} />, <Until instant={pairing.expires_at} />. Risky calls
                still ask you each time.</p>
            <div class="row wrap">
                <Action kind="primary" testid="pairing-approve" run={approve} disabled={!later && chosen.size === 0 && all.length > 0}
                    done="The device is paired."><Icon name="check" size={18} /> Pair it</Action>
                <Action testid="pairing-deny" sure="Turn it away?" run={deny}><Icon name="close" size={18} /> Deny</Action>
            </div>
        </article>
    );
}

export function PairingsView() {
    const { inbox } = useConsole();
    const [inviting, setInviting] = useState(false);
    return (
        <div class="view">
            <ViewHead title="Pairings" hint="Devices that ask to work for your agents.">
                <button class="button primary" onClick={() => setInviting(true)} data-testid="pair-device"><Icon name="plus" size={18} /> Pair a device</button>
            </ViewHead>
            {inbox.loaded.value && inbox.pairings.value.length === 0 && (
                <Empty icon="pairings" title="No device is waiting">Invite one, run the command on it, and it shows up here.</Empty>
            )}
            <div class="stack">{inbox.pairings.value.map((pairing) => <PairingCard key={pairing.pairing_id} pairing={pairing} />)}</div>
            {inviting && <PairDevice onClose={() => setInviting(false)} />}
        </div>
    );
}
