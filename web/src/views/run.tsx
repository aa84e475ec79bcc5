// The tape of one run as a timeline, live while the run works.
import { useEffect, useState } from "preact/hooks";
import { ApprovalCard } from "../components/approval_card";
import { Action } from "../components/controls";
import { Icon } from "../components/icon";
import { JsonView, oneLine } from "../components/json_view";
import { clockTime, duration } from "../components/time";
import { RunStateChip } from "../components/turn_view";
import { isFinished, tapePayload } from "../rpc/contract";
import type { Result, Run, RunState, TapeItem } from "../rpc/contract";
import { openTapeFeed } from "../rpc/feeds";
import { useConsole } from "../state/console_context";
import { linkTo } from "../state/route";
import { summarize } from "../state/tape_summary";
import { ViewHead } from "./shell";

const page_size = 400; // items that are drawn at once

interface LiveTape {
    items: TapeItem[];
    state: RunState | undefined;
    problem: string;
}

const beginsFork = (item: TapeItem) => item.kind === "note" && tapePayload("note", item).forked_from !== undefined;

function stateAfter(state: RunState | undefined, items: TapeItem[]): RunState | undefined {
    const last = items.findLast((item) => item.kind === "status_change" || beginsFork(item));
    if (!last) return state;
    return last.kind === "note" ? "accepted" : tapePayload("status_change", last).to;
}

function useTape(run_id: string): LiveTape {
    const { client } = useConsole();
    const [tape, setTape] = useState<LiveTape>({ items: [], state: undefined, problem: "" });
    useEffect(() => {
        const feed = openTapeFeed(client, run_id, {
            onItems: (fresh) => setTape((old) => ({
                ...old, items: [...old.items, ...fresh], state: stateAfter(old.state, fresh),
            })),
            onEnd: (state) => setTape((old) => ({ ...old, state })),
            onError: (error) => setTape((old) => ({ ...old, problem: error.message })),
        });
        return () => feed.close();
    }, [run_id]);
    return tape;
}

// What the tape doesn't say: session, agent, usage. Asked again when the state changes.
function useRun(run_id: string, state: RunState | undefined): Run | undefined {
    const { client, connection } = useConsole();
    const [run, setRun] = useState<Run>();
    const online = connection.value.phase === "online";
    useEffect(() => {
        if (online) client.read("run.get", { run_id }).then(setRun, () => undefined);
    }, [run_id, state, online]);
    return run;
}

// The gateway recomputes the hash chain: by itself once the run is over, and whenever the person asks.
function Verified({ run_id, finished }: { run_id: string; finished: boolean }) {
    const { client, connection } = useConsole();
    const [result, setResult] = useState<Result<"run.verify">>();
    const online = connection.value.phase === "online";
    const verify = () => client.read("run.verify", { run_id }).then(setResult, () => undefined);
    useEffect(() => {
        if (online && finished) void verify();
    }, [run_id, finished, online]);
    if (!result) {
        return <button type="button" class="badge tone-plain" onClick={verify} data-testid="tape-unverified">Verify the tape</button>;
    }
    const [tone, words, testid] = result.ok
        ? ["good", `hash chain verified · ${result.items} items`, "tape-verified"]
        : ["bad", `chain broken at ${result.first_bad_seq}`, "tape-broken"];
    return (
        <button type="button" class={`badge tone-${tone}`} onClick={verify} data-testid={testid} aria-label={`${words}. Verify again`}>
            <Icon name={result.ok ? "check" : "alert"} size={14} /> {words}
        </button>
    );
}

function TapeEntry({ item, began_at }: { item: TapeItem; began_at: number }) {
    const [raw, setRaw] = useState(false);
    const told = summarize(item);
    const after_ms = Date.parse(item.occurred_at) - began_at;
    return (
        <li class={`tape-item tone-${told.tone}`} data-testid="tape-item" data-seq={item.seq} data-kind={item.kind}>
            <span class="tape-mark"><Icon name={told.icon} size={16} /></span>
            <div class="tape-body">
                <div class="tape-line">
                    <span class="tape-title break">{told.title}</span>
                    <span class="grow muted tape-text">{oneLine(told.line, 160)}</span>
                    <time class="muted small mono" dateTime={item.occurred_at} title={item.occurred_at}>
                        {clockTime(item.occurred_at)} <span class="tape-after">+{(after_ms / 1_000).toFixed(2)} s</span>
                    </time>
                    <button type="button" class="raw-button mono" aria-expanded={raw} onClick={() => setRaw(!raw)}
                        data-testid="tape-raw" title="Show this item as JSON">#{item.seq}</button>
                </div>
                {told.parts.length > 0 && (
                    <div class="tape-parts">
                        {told.parts.map((part) => (
                            <details><summary>{part.title}</summary><JsonView value={part.value} /></details>
                        ))}
                    </div>
                )}
                {raw && <JsonView value={item} />}
            </div>
        </li>
    );
}

function RunFacts({ run, items }: { run: Run | undefined; items: TapeItem[] }) {
    if (!run) return null;
    const end = run.finished_at ? Date.parse(run.finished_at) : undefined;
    const took = end && run.started_at ? duration(end - Date.parse(run.started_at)) : undefined;
    return (
        <p class="muted row wrap gap-s">
            <span>Agent <strong>{run.agent}</strong></span>·
            <a href={linkTo("chat", run.session_id)}>open chat</a>·
            <span>{items.length} items</span>
            · <span>{run.usage.input_tokens} → {run.usage.output_tokens} tokens</span>
            {took && <>· <span>took {took}</span></>}
        </p>
    );
}

export function RunView({ run_id }: { run_id: string }) {
    const { client, inbox } = useConsole();
    const tape = useTape(run_id);
    const run = useRun(run_id, tape.state);
    const state = tape.state ?? run?.state;
    const began_at = Date.parse(tape.items[0]?.occurred_at ?? new Date().toISOString());
    const approvals = inbox.approvals.value.filter((approval) => approval.run_id === run_id);
    const [shown_max, setShownMax] = useState(page_size);
    const shown = tape.items.slice(-shown_max);
    return (
        <div class="view">
            <ViewHead title="Run" hint={run_id}>
                {state && <RunStateChip state={state} />}
                <Verified run_id={run_id} finished={state !== undefined && isFinished(state)} />
                {state && !isFinished(state) && (
                    <Action testid="run-cancel" run={() => client.change("run.cancel", { run_id })}><Icon name="stop" size={14} /> Cancel</Action>
                )}
            </ViewHead>
            <RunFacts run={run} items={tape.items} />
            {tape.problem && <p class="callout tone-bad" role="alert">{tape.problem}</p>}
            {approvals.map((approval) => <ApprovalCard key={approval.approval_id} approval={approval} />)}
            {shown.length < tape.items.length && (
                <button class="button plain" onClick={() => setShownMax(shown_max + page_size)} data-testid="tape-earlier">
                    Show earlier items ({tape.items.length - shown.length})
                </button>
            )}
            <ol class="tape">
                {shown.map((item) => <TapeEntry key={item.seq} item={item} began_at={began_at} />)}
            </ol>
        </div>
    );
}
