// Makes an invite and shows what to run on the device.
import { useState } from "preact/hooks";
import { Action, CopyButton, Dialog, Field } from "../components/controls";
import { Until } from "../components/time";
import type { Result } from "../rpc/contract";
import { useConsole } from "../state/console_context";
import { linkTo } from "../state/route";

export function inviteCommand(token: string, origin: string): string {
    return `GATEHOUSE_INVITE=${token} gatehouse node --gateway ${origin.replace(/^http/, "ws")}`;
}

export function PairDevice({ onClose }: { onClose: () => void }) {
    const { client } = useConsole();
    const [label, setLabel] = useState("");
    const [invite, setInvite] = useState<Result<"pairing.invite">>();
    const make = async () => {
        setInvite(await client.change("pairing.invite", label.trim() ? { label: label.trim() } : {}));
    };
    const command = invite?.token ? inviteCommand(invite.token, location.origin) : "";
    return (
        <Dialog title="Pair a device" onClose={onClose}>
            {!invite && (
                <>
                    <p class="muted">An invite is a token for one device. It works for an hour; you approve the device when it knocks.</p>
                    <Field label="Name for the device (optional)">
                        <input value={label} placeholder="workshop" data-testid="invite-label" onInput={(event) => setLabel(event.currentTarget.value)} />
                    </Field>
                    <Action kind="primary" run={make} testid="invite-make">Make an invite</Action>
                </>
            )}
            {invite && !command && <p class="callout">The invite was made, but its token is shown only once. Make another one.</p>}
            {command && (
                <>
                    <p>Run this on the device. The token is shown only now; it <Until instant={invite!.expires_at} />.</p>
                    <pre class="command" tabIndex={0} data-testid="invite-command">{command}</pre>
                    <div class="row wrap between">
                        <CopyButton text={command} label="Copy the command" />
                        <a class="button plain" href={linkTo("pairings")} onClick={onClose}>Wait for it in Pairings</a>
                    </div>
                </>
            )}
        </Dialog>
    );
}
