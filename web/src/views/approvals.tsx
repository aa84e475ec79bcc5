// Everything that waits for this person's word, and the standing approvals they have given.
import { useEffect, useState } from "preact/hooks";
import { ApprovalCard } from "../components/approval_card";
import { Action, Empty } from "../components/controls";
import { Ago } from "../components/time";
import type { Grant } from "../rpc/contract";
import { useConsole } from "../state/console_context";
import { ViewHead } from "./shell";

function Grants() {
    const { client, connection, inbox } = useConsole();
    const [grants, setGrants] = useState<Grant[]>([]);
    const online = connection.value.phase === "online";
    const load = () => client.read("grant.list", { limit: 200 }).then((page) => setGrants(page.items), () => undefined);
    useEffect(() => {
        if (online) void load();
    }, [online, inbox.approvals.value.length]);
    if (grants.length === 0) return null;
    return (
        <section>
            <h2>Standing approvals</h2>
            <ul class="list">
                {grants.map((grant) => (
                    <li key={grant.grant_id} class="card list-row" data-testid="grant-row">
                        <span class="grow mono break">{grant.tool}</span>
                        <span class="muted small">{grant.node ? `${grant.node} · ` : ""}given <Ago instant={grant.created_at} /></span>
                        <Action sure="Take it back?" run={async () => {
                            await client.change("grant.revoke", { grant_id: grant.grant_id });
                            await load();
                        }}>Revoke</Action>
                    </li>
                ))}
            </ul>
        </section>
    );
}

export function ApprovalsView() {
    const { inbox } = useConsole();
    const approvals = inbox.approvals.value;
    return (
        <div class="view">
            <ViewHead title="Approvals" hint="Calls that may do harm wait here until you decide." />
            {inbox.loaded.value && approvals.length === 0 && (
                <Empty icon="approvals" title="Nothing waits for you">A risky call shows up here, and in its chat.</Empty>
            )}
            <div class="stack" aria-live="polite">
                {approvals.map((approval) => <ApprovalCard key={approval.approval_id} approval={approval} />)}
            </div>
            <Grants />
        </div>
    );
}
