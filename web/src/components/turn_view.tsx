// One turn of a chat: what the person said, what the agent did and answered, and how the run stands.
import { isFinished } from "../rpc/contract";
import type { RunState } from "../rpc/contract";
import type { LiveTurn } from "../state/chat_session";
import { useConsole } from "../state/console_context";
import { shownDelta } from "../state/delta_text";
import { linkTo } from "../state/route";
import type { Block, ToolBlock } from "../state/transcript";
import { ApprovalCard } from "./approval_card";
import { Artifacts } from "./artifacts";
import { Action } from "./controls";
import { Icon } from "./icon";
import { JsonView, oneLine } from "./json_view";
import { Markdown } from "./markdown";

const state_words: Record<RunState, string> = {
    accepted: "queued", running: "working", waiting: "waits for you", succeeded: "done", failed: "failed", cancelled: "cancelled",
};

export function RunStateChip({ state }: { state: RunState }) {
    return (
        <span class={`run-state state-${state}`} data-testid="run-state" data-state={state}>
            {state === "running" && <span class="spinner small" aria-hidden="true" />}
            {state_words[state] ?? state}
        </span>
    );
}

// "node__system__info" as people read it.
export function ToolName({ tool }: { tool: string }) {
    const parts = tool.split("__");
    return <span class="tool-name mono break">{parts.map((part, at) => <>{at > 0 && <span class="muted"> › </span>}{part}</>)}</span>;
}

function ToolView({ block }: { block: ToolBlock }) {
    const icon = block.phase === "done" ? "check" : block.phase === "failed" ? "alert" : "tool";
    return (
        <details class={`tool tool-${block.phase}`} data-testid="tool-call" data-phase={block.phase}>
            <summary>
                <span class="tool-icon"><Icon name={icon} size={16} /></span>
                <ToolName tool={block.tool} />
                <span class="muted small tool-line">{oneLine(block.phase === "done" || block.phase === "failed" ? block.output : block.arguments)}</span>
            </summary>
            <div class="tool-body">
                <h4>Arguments</h4>
                <JsonView value={block.arguments} />
                {block.artifacts && block.artifacts.length > 0 && <><h4>Files</h4><Artifacts artifacts={block.artifacts} /></>}
                {block.output !== undefined && <><h4>{block.phase === "failed" ? "What went wrong" : "Output"}</h4><JsonView value={block.output} /></>}
            </div>
        </details>
    );
}

function BlockView({ block }: { block: Block }) {
    switch (block.kind) {
        case "text": return <Markdown text={block.text} />;
        case "tool": return <ToolView block={block} />;
        case "aside":
            return block.tone === "person"
                ? <div class="bubble aside-person">{block.text}</div>
                : <p class={`aside tone-${block.tone}`}>{block.text}</p>;
    }
}

export function UserBubble({ text, note }: { text: string; note?: string }) {
    return (
        <div class="from-user">
            <div class="bubble break" data-testid="message-user">{text}</div>
            {note && <span class="muted small">{note}</span>}
        </div>
    );
}

function BlockedNote({ run_id }: { run_id: string }) {
    const { inbox } = useConsole();
    const approval = inbox.approvals.value.find((candidate) => candidate.run_id === run_id);
    return (
        <p class="aside" data-testid="message-queued">
            <Icon name="clock" size={15} /> Waits behind an earlier message{approval ? ", which waits for your approval above." : "."}
        </p>
    );
}

export function TurnView({ live }: { live: LiveTurn }) {
    const { inbox, client } = useConsole();
    const turn = live.turn.value;
    const streaming = shownDelta(live.streaming.value);
    const finished = isFinished(turn.state);
    const approvals = finished ? [] : inbox.approvals.value.filter((approval) => approval.run_id === live.run_id);
    const silent = turn.blocks.length === 0 && streaming === "";
    return (
        <section class="turn" aria-label="Exchange" data-run-id={live.run_id}>
            {turn.user !== "" && <UserBubble text={turn.user} />}
            <div class="from-agent" aria-busy={!finished}>
                <div class="agent-blocks" data-testid="message-assistant">
                    {turn.blocks.map((block) => <BlockView block={block} />)}
                    {streaming !== "" && <div class="streaming" data-testid="message-streaming"><Markdown text={streaming} /></div>}
                    {silent && turn.state === "running" && <span class="typing" aria-label="The agent works"><i /><i /><i /></span>}
                </div>
                {live.blocked_by.value && turn.state === "accepted" && <BlockedNote run_id={live.blocked_by.value} />}
                {approvals.map((approval) => <ApprovalCard key={approval.approval_id} approval={approval} inline />)}
                {turn.error && <p class="callout tone-bad break" data-testid="run-error">{turn.error}</p>}
                <footer class="turn-foot">
                    <RunStateChip state={turn.state} />
                    <a href={linkTo("run", live.run_id)} class="quiet-link" data-testid="turn-tape">tape</a>
                    {!finished && (
                        <Action testid="run-cancel" run={() => client.change("run.cancel", { run_id: live.run_id })}>
                            <Icon name="stop" size={14} /> Cancel
                        </Action>
                    )}
                </footer>
            </div>
        </section>
    );
}
