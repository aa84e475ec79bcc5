// Chat: the list of sessions, and one of them open.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Composer } from "../components/composer";
import { Action } from "../components/controls";
import { Icon } from "../components/icon";
import { SessionList, sessionTitle } from "../components/session_list";
import { TurnView, UserBubble } from "../components/turn_view";
import { isFinished } from "../rpc/contract";
import { ChatSession } from "../state/chat_session";
import type { Outgoing } from "../state/chat_session";
import { useConsole } from "../state/console_context";
import { go } from "../state/route";
import { NewChat, takeFirstMessage } from "./new_chat";

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
    const toEnd = () => frame.current && (frame.current.scrollTop = frame.current.scrollHeight);
    useLayoutEffect(() => {
        const box = frame.current!;
        const onScroll = () => {
            at_end.current = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
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
    const { client } = useConsole();
    const [chat, setChat] = useState<ChatSession>();
    useEffect(() => {
        const opened = new ChatSession(client, session_id);
        setChat(opened);
        const first = takeFirstMessage(session_id);
        if (first) void opened.send(first);
        return () => opened.close();
    }, [session_id]);
    return chat ? <ChatPane chat={chat} onMenu={onMenu} /> : <div class="chat-pane" />;
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
                {session && <p class="muted small ellipsis">{session.agent} · {session.session_key}</p>}
            </div>
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
                <div class="transcript-inner" ref={content}>
                    {chat.problem.value && <p class="callout tone-bad" role="alert">{chat.problem.value}</p>}
                    {chat.loading.value && <p class="muted center">Loading…</p>}
                    {chat.turns.value.map((live) => <TurnView key={live.run_id} live={live} />)}
                    {chat.outgoing.value.map((message) => <OutgoingView key={message.key} chat={chat} message={message} />)}
                </div>
            </div>
            {away && <button class="to-end" onClick={toEnd} aria-label="Go to the newest message"><Icon name="down" /></button>}
            <Composer onSend={send} placeholder={works ? "Write the next message; it waits its turn" : "Write a message"} />
        </div>
    );
}
