// One question to the person: may this call happen? The same card stands in the inbox and in the chat.
import { useState } from "preact/hooks";
import type { Approval, Decision, GrantScope } from "../rpc/contract";
import { useConsole } from "../state/console_context";
import { linkTo } from "../state/route";
import { Action, RiskBadge } from "./controls";
import { Icon } from "./icon";
import { ArgumentsView } from "./json_view";
import { Ago, Until } from "./time";

const grants: { scope: GrantScope; label: string }[] = [
    { scope: "once", label: "Just this once" },
    { scope: "session", label: "The same call, in this chat" },
    { scope: "always", label: "The same call, always" },
];

export function ApprovalCard({ approval, inline = false }: { approval: Approval; inline?: boolean }) {
    const { subject } = approval;
    const node = useNodeName(approval);
    return (
        <article class="card approval" data-testid="approval-card" data-approval-id={approval.approval_id}>
            <header class="row between wrap">
                <h3 class="row">
                    <span class={`approval-icon risk-${approval.risk}`}><Icon name="approvals" size={18} /></span>
                    <span class="mono break">{subject.tool}</span>
                </h3>
                <RiskBadge risk={approval.risk} />
            </header>
            {approval.kind === "outcome" && (
                <p class="callout">It is not known whether this call happened. Decide how the run goes on.</p>
            )}
            <ArgumentsView value={subject.arguments} />
            {!inline && <Facts approval={approval} />}
            <p class="muted small row wrap gap-s">
                {inline && node && <>on {node} ·</>}
                <Icon name="clock" size={14} /> asked <Ago instant={approval.requested_at} /> · <Until instant={approval.expires_at} />
            </p>
            {approval.kind === "outcome" ? <OutcomeButtons approval={approval} /> : <CallButtons approval={approval} />}
        </article>
    );
}

function useNodeName({ subject }: Approval): string | undefined {
    const { inbox } = useConsole();
    return inbox.nodes.value.find((known) => known.device_id === subject.node)?.label ?? subject.node;
}

function Facts({ approval }: { approval: Approval }) {
    const { subject } = approval;
    const rows: [string, string | undefined][] = [["Agent", subject.agent], ["Node", useNodeName(approval)], ["For", subject.principal]];
    return (
        <dl class="facts">
            {rows.map(([name, value]) => value && <><dt>{name}</dt><dd class="break">{value}</dd></>)}
            {subject.session_id && (
                <><dt>Chat</dt><dd><a href={linkTo("chat", subject.session_id)}>open</a>
                    {approval.run_id && <> · <a href={linkTo("run", approval.run_id)}>tape</a></>}</dd></>
            )}
        </dl>
    );
}

function useResolve(approval: Approval) {
    const { client, inbox } = useConsole();
    return async (decision: Decision, more: { grant?: GrantScope; reason?: string } = {}) => {
        const { approval_id, subject_hash } = approval;
        await client.change("approval.resolve", { approval_id, decision, subject_hash, ...more });
        inbox.dropApproval(approval_id);
    };
}

function CallButtons({ approval }: { approval: Approval }) {
    const resolve = useResolve(approval);
    const [scope, setScope] = useState<GrantScope>("once");
    const [denying, setDenying] = useState(false);
    const [reason, setReason] = useState("");
    if (denying) {
        return (
            <form class="stack" onSubmit={(event) => event.preventDefault()}>
                <label class="field">
                    <span class="field-label">Why not? The agent reads this. (optional)</span>
                    <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} autoFocus
                        data-testid="approval-reason" />
                </label>
                <div class="row wrap">
                    <Action kind="danger" testid="approval-deny-confirm"
                        run={() => resolve("deny", reason.trim() ? { reason: reason.trim() } : {})}>Deny the call</Action>
                    <button type="button" class="button plain" onClick={() => setDenying(false)}>Back</button>
                </div>
            </form>
        );
    }
    return (
        <div class="row wrap approval-buttons">
            <Action kind="primary" testid="approval-approve" run={() => resolve("approve", { grant: scope })}>
                <Icon name="check" size={18} /> Approve
            </Action>
            <button type="button" class="button plain" data-testid="approval-deny" onClick={() => setDenying(true)}>
                <Icon name="close" size={18} /> Deny
            </button>
            <label class="inline-select">
                <span class="visually-hidden">How far the approval goes</span>
                <select value={scope} data-testid="approval-grant"
                    onChange={(event) => setScope(event.currentTarget.value as GrantScope)}>
                    {grants.filter((grant) => grant.scope !== "session" || approval.subject.session_id)
                        .map((grant) => <option value={grant.scope}>{grant.label}</option>)}
                </select>
            </label>
        </div>
    );
}

function OutcomeButtons({ approval }: { approval: Approval }) {
    const resolve = useResolve(approval);
    return (
        <div class="row wrap">
            <Action kind="primary" testid="approval-retry" run={() => resolve("retry")}><Icon name="retry" size={18} /> Call it again</Action>
            <Action testid="approval-skip" run={() => resolve("skip")}>Go on without it</Action>
            <Action testid="approval-fail" run={() => resolve("fail")}>Fail the run</Action>
        </div>
    );
}
