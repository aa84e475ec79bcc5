// Chat: the list of sessions, and one of them open.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Composer } from "../components/composer";
import { Action } from "../components/controls";
import { Icon } from "../components/icon";
import { SessionList, sessionTitle } from "../components/session_list";
import { TurnView, UserBubble } from "../components/turn_view";
import { isFinished } from "../rpc/contract";
import type { SessionMode } from "../rpc/contract";
import { ChatSession } from "../state/chat_session";
import type { Outgoing } from "../state/chat_session";
import { useConsole } from "../state/console_context";
import { attempt } from "../state/notices";
import { go } from "../state/route";
import { NewChat, isOwnKey, takeFirstMessage } from "./new_chat";

export function ChatView({ session_id }: { session_id: string }) {
    const [drawer, setDrawer] = useState(false);
    return (
        <div class="chat">
            <SessionList current={session_id} open={drawer} onClose={() => setDrawer(false)} />
            {session_id === ""
                ? <NewChat onMenu={() => setDrawer(true)} />
                : <OpenChat key={session_id} session_id={session_id} onMenu={() => setDrawer(true)} />}
        </div>
    );
}

export function MenuButton({ onMenu }: { onMenu: () => void }) {
    return (
        <button type="button" class="icon-button only-narrow" onClick={onMenu} aria-label="Chats" data-testid="chat-menu">
            <Icon name="menu" />
        </button>
    );
}

function OutgoingView({ chat, message }: { chat: ChatSession; message: Outgoing }) {
    const { connection } = useConsole();
    const note = connection.value.phase === "online" ? "Sending…" : "Will be sent when the connection is back";
    return (
        <section class="turn">
            <UserBubble text={message.text} note={message.error ? `Not sent: ${message.error}` : note} />
            {message.error && (
                <div class="row end">
                    <button class="button plain" onClick={() => void chat.resend(message)}>Send again</button>
                    <button class="button plain" onClick={() => chat.discard(message.key)}>Discard</button>
                </div>
            )}
        </section>
    );
}

// Keeps the end in view while the person is at the end; tells whether they have scrolled away.
function useStickToEnd(frame: RefObject<HTMLDivElement | null>, content: RefObject<HTMLDivElement | null>) {
    const at_end = useRef(true);
    const [away, setAway] = useState(false);
    const toEnd = () => {
        at_end.current = true;
        if (frame.current) frame.current.scrollTop = frame.current.scrollHeight;
    };
    useLayoutEffect(() => {
        const box = frame.current!;
        let last_top = 0;
        // Only a move upwards is the person's: the page itself moves down, and the content may grow under it meanwhile.
        const onScroll = () => {
            const near = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
            if (near) at_end.current = true;
            else if (box.scrollTop < last_top - 2) at_end.current = false;
            last_top = box.scrollTop;
            setAway(!at_end.current);
        };
        const watcher = new ResizeObserver(() => at_end.current && toEnd());
        watcher.observe(content.current!);
        watcher.observe(box);
        box.addEventListener("scroll", onScroll, { passive: true });
        return () => {
            watcher.disconnect();
            box.removeEventListener("scroll", onScroll);
        };
    }, []);
    return { away, toEnd };
}

function OpenChat({ session_id, onMenu }: { session_id: string; onMenu: () => void }) {
    const { client, inbox } = useConsole();
    const [chat, setChat] = useState<ChatSession>();
    useEffect(() => {
        const opened = new ChatSession(client, session_id, () => inbox.sessionsChanged());
        setChat(opened);
        const first = takeFirstMessage(session_id);
        if (first) void opened.send(first);
        return () => opened.close();
    }, [session_id]);
    return chat ? <ChatPane chat={chat} onMenu={onMenu} /> : <div class="chat-pane" />;
}

const modes: { mode: SessionMode; label: string; hint: string }[] = [
    { mode: "queue", label: "Queue", hint: "A message waits until the run before it is done." },
    { mode: "steer", label: "Steer", hint: "A message denies the call that waits for approval, and says why." },
    { mode: "interrupt", label: "Interrupt", hint: "A message cancels the run that waits for approval." },
];

function ModeSelect({ chat, mode }: { chat: ChatSession; mode: SessionMode }) {
    const { client } = useConsole();
    const change = (next: SessionMode) => attempt(async () => {
        chat.session.value = await client.change("session.resolve", { session_id: chat.session_id, mode: next });
    });
    return (
        <label class="inline-select" title={modes.find((known) => known.mode === mode)?.hint}>
            <span class="visually-hidden">What a message does while a run waits for approval</span>
            <select value={mode} data-testid="session-mode" onChange={(event) => void change(event.currentTarget.value as SessionMode)}>
                {modes.map((known) => <option value={known.mode} title={known.hint}>{known.label}</option>)}
            </select>
        </label>
    );
}

function ChatHead({ chat, onMenu }: { chat: ChatSession; onMenu: () => void }) {
    const { client, inbox } = useConsole();
    const session = chat.session.value;
    const remove = async () => {
        await client.change("session.delete", { session_id: chat.session_id });
        await inbox.loadSessions();
        go("chat");
    };
    return (
        <header class="chat-head">
            <MenuButton onMenu={onMenu} />
            <div class="grow">
                <h1 class="ellipsis">{session ? sessionTitle(session) : "Chat"}</h1>
                {session && <p class="muted small ellipsis">{[session.agent, isOwnKey(session.session_key) ? "" : session.session_key].filter(Boolean).join(" · ")}</p>}
            </div>
            {session && <ModeSelect chat={chat} mode={session.mode} />}
            {session && <Action sure="Delete for good?" run={remove} testid="chat-delete"><Icon name="trash" size={16} /></Action>}
        </header>
    );
}

function ChatPane({ chat, onMenu }: { chat: ChatSession; onMenu: () => void }) {
    const frame = useRef<HTMLDivElement>(null);
    const content = useRef<HTMLDivElement>(null);
    const { away, toEnd } = useStickToEnd(frame, content);
    const works = chat.turns.value.some((live) => !isFinished(live.turn.value.state));
    const send = (text: string) => {
        void chat.send(text);
        requestAnimationFrame(toEnd);
    };
    return (
        <div class="chat-pane">
            <ChatHead chat={chat} onMenu={onMenu} />
            <div class="transcript" ref={frame} data-testid="transcript">
                <div class="transcript-inner" ref={content} role="log">
                    {chat.problem.value && <p class="callout tone-bad" role="alert">{chat.problem.value}</p>}
                    {chat.loading.value && <p class="muted center">Loading…</p>}
                    {chat.turns.value.map((live) => <TurnView key={live.run_id} live={live} />)}
                    {chat.outgoing.value.map((message) => <OutgoingView key={message.key} chat={chat} message={message} />)}
                </div>
            </div>
            {away && <button class="to-end" onClick={toEnd} aria-label="Go to the newest message"><Icon name="down" /></button>}
            <Composer onSend={send} placeholder={works ? "Write the next message" : "Write a message"} />
        </div>
    );
}
