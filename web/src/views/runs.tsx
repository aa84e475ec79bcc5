// The newest runs of all sessions, kept in step by events.
import { useEffect, useState } from "preact/hooks";
import { Empty } from "../components/controls";
import { Ago } from "../components/time";
import { RunStateChip } from "../components/turn_view";
import type { Run, RunState } from "../rpc/contract";
import { openEventFeed } from "../rpc/feeds";
import { useConsole } from "../state/console_context";
import { linkTo } from "../state/route";
import { ViewHead } from "./shell";

const states: RunState[] = ["accepted", "running", "waiting", "succeeded", "failed", "cancelled"];
const refresh_ms = 250;

function useRuns(state: RunState | "") {
    const { client } = useConsole();
    const [runs, setRuns] = useState<Run[]>();
    const [next, setNext] = useState<string>();
    const filter = state === "" ? {} : { state };
    useEffect(() => {
        let timer: number | undefined;
        const load = () => client.read("run.list", { limit: 50, ...filter }).then((page) => {
            setRuns(page.items);
            setNext(page.next);
        }, () => setRuns((old) => old ?? []));
        const feed = openEventFeed(client, ["runs"], {
            onStart: () => void load(),
            onEvent: (event) => {
                if (event.type !== "run.state_changed") return;
                clearTimeout(timer);
                timer = setTimeout(load, refresh_ms);
            },
        });
        return () => {
            clearTimeout(timer);
            feed.close();
        };
    }, [state]);
    const more = async () => {
        const page = await client.read("run.list", { limit: 50, ...filter, ...(next === undefined ? {} : { after: next }) });
        setRuns((old) => [...(old ?? []), ...page.items]);
        setNext(page.next);
    };
    return { runs, next, more };
}

export function RunsView() {
    const { inbox } = useConsole();
    const [state, setState] = useState<RunState | "">("");
    const { runs, next, more } = useRuns(state);
    const titles = new Map(inbox.sessions.value.map((session) => [session.session_id, session.label || session.session_key]));
    return (
        <div class="view">
            <ViewHead title="Runs" hint="Each message starts one. Its tape says everything that happened.">
                <label class="inline-select">
                    <span class="visually-hidden">Show runs in state</span>
                    <select value={state} onChange={(event) => setState(event.currentTarget.value as RunState | "")}>
                        <option value="">all states</option>
                        {states.map((name) => <option value={name}>{name}</option>)}
                    </select>
                </label>
            </ViewHead>
            {runs?.length === 0 && <Empty icon="runs" title="No runs here">Write a message in a chat to start one.</Empty>}
            <ul class="list">
                {runs?.map((run) => (
                    <li key={run.run_id}>
                        <a class="card list-row" href={linkTo("run", run.run_id)} data-testid="run-row">
                            <RunStateChip state={run.state} />
                            <span class="grow ellipsis">{titles.get(run.session_id) ?? run.session_id}</span>
                            <span class="muted small">{run.agent} · <Ago instant={run.created_at} /></span>
                        </a>
                    </li>
                ))}
            </ul>
            {next !== undefined && <button class="button plain" onClick={() => void more()}>Show more</button>}
        </div>
    );
}
