// Tokens: who may connect. A new one is shown once.
import { useEffect, useState } from "preact/hooks";
import type { Result, Scope, Token } from "../rpc/contract";
import { useConsole } from "../state/console_context";
import { Action, Badge, CopyButton, Dialog, Field } from "./controls";
import { Icon } from "./icon";

const scopes: Scope[] = ["read", "write", "approve", "pair", "admin"];

function IssueToken({ onClose, onIssued }: { onClose: () => void; onIssued: () => Promise<void> }) {
    const { client, welcome } = useConsole();
    const [label, setLabel] = useState("");
    const [principal, setPrincipal] = useState(welcome.value?.principal ?? "user:admin");
    const [chosen, setChosen] = useState<ReadonlySet<Scope>>(new Set<Scope>(["read", "write", "approve"]));
    const [issued, setIssued] = useState<Result<"token.issue">>();
    const toggle = (scope: Scope) => {
        const next = new Set(chosen);
        if (!next.delete(scope)) next.add(scope);
        setChosen(next);
    };
    const issue = async () => {
        const kind = chosen.has("admin") ? "admin" as const : "client" as const;
        const named = label.trim() ? { label: label.trim() } : {};
        setIssued(await client.change("token.issue", { kind, principal: principal.trim(), scopes: [...chosen], ...named }));
        await onIssued();
    };
    const link = issued?.token ? `${location.origin}/#token=${issued.token}` : "";
    return (
        <Dialog title="New token" onClose={onClose}>
            {issued?.token
                ? (
                    <>
                        <p>The token is shown only now.</p>
                        <pre class="command" tabIndex={0} data-testid="token-issued">{issued.token}</pre>
                        <div class="row wrap"><CopyButton text={issued.token} label="Copy the token" /><CopyButton text={link} label="Copy as a link" /></div>
                    </>
                )
                : (
                    <form class="stack" onSubmit={(event) => event.preventDefault()}>
                        <Field label="Label"><input value={label} onInput={(event) => setLabel(event.currentTarget.value)} data-testid="token-label" /></Field>
                        <Field label="For whom" hint="Chats and approvals belong to this principal.">
                            <input value={principal} onInput={(event) => setPrincipal(event.currentTarget.value)} data-testid="token-principal" />
                        </Field>
                        <fieldset class="row wrap">
                            <legend>May</legend>
                            {scopes.map((scope) => (
                                <label class="row"><input type="checkbox" checked={chosen.has(scope)} onChange={() => toggle(scope)} /> {scope}</label>
                            ))}
                        </fieldset>
                        <Action kind="primary" run={issue} disabled={chosen.size === 0} testid="token-issue">Make the token</Action>
                    </form>
                )}
        </Dialog>
    );
}

function TokenRow({ token, onGone }: { token: Token; onGone: () => Promise<void> }) {
    const { client } = useConsole();
    const revoked = token.revoked_at !== undefined;
    return (
        <li class="card list-row" data-testid="token-row">
            <Badge tone={revoked ? "bad" : "plain"}>{revoked ? "revoked" : token.kind}</Badge>
            <span class="break">{token.label || token.token_id}</span>
            <span class="grow muted small">{token.principal} · {token.scopes.join(" ")}</span>
            {!revoked && (
                <Action sure="Revoke for good?" run={async () => {
                    await client.change("token.revoke", { token_id: token.token_id });
                    await onGone();
                }}>Revoke</Action>
            )}
        </li>
    );
}

export function Tokens() {
    const { client } = useConsole();
    const [tokens, setTokens] = useState<Token[]>([]);
    const [issuing, setIssuing] = useState(false);
    const load = async () => setTokens((await client.read("token.list", { limit: 200 })).items);
    useEffect(() => void load().catch(() => undefined), []);
    return (
        <section>
            <header class="row between">
                <h2>Tokens</h2>
                <button class="button plain" onClick={() => setIssuing(true)} data-testid="token-new"><Icon name="plus" size={16} /> New token</button>
            </header>
            <ul class="list">{tokens.map((token) => <TokenRow key={token.token_id} token={token} onGone={load} />)}</ul>
            {issuing && <IssueToken onClose={() => setIssuing(false)} onIssued={load} />}
        </section>
    );
}
