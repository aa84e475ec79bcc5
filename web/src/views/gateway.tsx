// The gateway itself: how it is, its agents, policy and tokens.
import { useEffect, useState } from "preact/hooks";
import { Agents } from "../components/agents";
import { Policy } from "../components/policy";
import { Tokens } from "../components/tokens";
import { duration } from "../components/time";
import type { GatewayStatus } from "../rpc/contract";
import { useConsole } from "../state/console_context";
import { ViewHead } from "./shell";

const refresh_ms = 5_000;

function useStatus(): GatewayStatus | undefined {
    const { client, connection } = useConsole();
    const [status, setStatus] = useState<GatewayStatus>();
    const online = connection.value.phase === "online";
    useEffect(() => {
        if (!online) return;
        const load = () => client.read("gateway.status", {}).then(setStatus, () => undefined);
        void load();
        const timer = setInterval(load, refresh_ms);
        return () => clearInterval(timer);
    }, [online]);
    return status;
}

function StatusFacts({ status }: { status: GatewayStatus }) {
    const facts: [string, string][] = [
        ["Version", status.version],
        ["Up for", duration(status.uptime_ms)],
        ["Store", `${status.store.backend}, schema ${status.store.schema_version}`],
        ["Roles", status.roles.join(", ")],
        ["Connections", String(status.connections)],
        ["Instances", String(status.instances.length)],
        ["Gateway", status.gateway_id],
        ["This instance", status.instance_id],
    ];
    return (
        <>
            <dl class="facts wide">{facts.map(([name, value]) => <><dt>{name}</dt><dd class="break">{value}</dd></>)}</dl>
            <div class="tiles" data-testid="run-counts">
                {Object.entries(status.runs).map(([state, count]) => (
                    <div class={count > 0 ? `tile state-${state}` : "tile"}><strong>{count.toLocaleString()}</strong><span>{state}</span></div>
                ))}
            </div>
        </>
    );
}

export function GatewayView() {
    const { welcome, signOut } = useConsole();
    const status = useStatus();
    const me = welcome.value;
    const is_admin = me?.scopes.some((scope) => scope === "admin") ?? false;
    return (
        <div class="view">
            <ViewHead title="Gateway" hint={me ? `You are ${me.principal}, with ${me.scopes.join(", ")}.` : ""}>
                <button class="button plain" onClick={signOut} data-testid="sign-out">Sign out</button>
            </ViewHead>
            <section class="card" data-testid="gateway-status">{status ? <StatusFacts status={status} /> : <p class="muted">Loading…</p>}</section>
            {me && <Agents editable={is_admin} />}
            {me && <Policy editable={is_admin} />}
            {is_admin && <Tokens />}
        </div>
    );
}
