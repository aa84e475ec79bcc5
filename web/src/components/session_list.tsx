// The chats, last used first; on phones a drawer.
import { useState } from "preact/hooks";
import type { Session } from "../rpc/contract";
import { useConsole } from "../state/console_context";
import { linkTo } from "../state/route";
import { Icon } from "./icon";
import { Ago } from "./time";

export const sessionTitle = (session: Session): string => session.label || session.session_key || session.session_id;

function SessionRow({ session, current, onPick }: { session: Session; current: boolean; onPick: () => void }) {
    const { inbox } = useConsole();
    const waits = inbox.approvals.value.some((a) => a.subject.session_id === session.session_id);
    return (
        <a class="session-row" href={linkTo("chat", session.session_id)} aria-current={current ? "page" : undefined}
            onClick={onPick} data-testid="session-row">
            <span class="session-title">{sessionTitle(session)}</span>
            <span class="muted small session-meta">
                {waits && <span class="dot tone-warn" title="Waits for you" />}
                {session.agent} · <Ago instant={session.updated_at} />
            </span>
        </a>
    );
}

interface SessionListProps {
    current: string;
    open: boolean;
    onClose: () => void;
}

export function SessionList({ current, open, onClose }: SessionListProps) {
    const { inbox } = useConsole();
    const [filter, setFilter] = useState("");
    const wanted = filter.trim().toLowerCase();
    const shown = inbox.sessions.value.filter((session) =>
        [sessionTitle(session), session.agent].some((text) => text.toLowerCase().includes(wanted)),
    );
    return (
        <>
            {open && <div class="drawer-shade" onClick={onClose} />}
            <aside class="sessions" data-open={open} aria-label="Chats" onKeyDown={(event) => event.key === "Escape" && onClose()}>
                <a class="button primary wide" href={linkTo("chat")} onClick={onClose} data-testid="chat-new">
                    <Icon name="plus" size={18} /> New chat
                </a>
                {inbox.sessions.value.length > 6 && (
                    <input type="search" placeholder="Find a chat" aria-label="Find a chat" value={filter}
                        onInput={(event) => setFilter(event.currentTarget.value)} />
                )}
                <div class="session-rows">
                    {shown.map((session) => (
                        <SessionRow key={session.session_id} session={session} onPick={onClose}
                            current={session.session_id === current} />
                    ))}
                    {inbox.loaded.value && inbox.sessions.value.length === 0 && <p class="muted small">No chat yet.</p>}
                </div>
            </aside>
        </>
    );
}
