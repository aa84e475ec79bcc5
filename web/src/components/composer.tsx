// Where a message is written. Enter sends, Shift+Enter makes a new line.
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icon";

interface ComposerProps {
    onSend: (text: string) => void;
    busy?: boolean;
    placeholder: string;
    // Each new object puts its text into the field, for the person to send or change.
    suggestion?: { text: string } | undefined;
}

export function Composer({ onSend, busy = false, placeholder, suggestion }: ComposerProps) {
    const [text, setText] = useState("");
    const field = useRef<HTMLTextAreaElement>(null);

    useEffect(() => {
        if (!suggestion) return;
        setText(suggestion.text);
        field.current?.focus();
    }, [suggestion]);
    useEffect(() => {
        const area = field.current;
        if (!area) return;
        area.style.height = "auto";
        area.style.height = `${Math.min(area.scrollHeight, 220)}px`;
    }, [text]);

    function send() {
        if (busy || text.trim() === "") return;
        onSend(text);
        setText("");
    }
    function onKeyDown(event: KeyboardEvent) {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        send();
    }
    return (
        <form class="composer" onSubmit={(event) => {
            event.preventDefault();
            send();
        }}>
            <textarea ref={field} rows={1} value={text} placeholder={placeholder} aria-label="Message" enterkeyhint="send"
                data-testid="chat-input" onInput={(event) => setText(event.currentTarget.value)} onKeyDown={onKeyDown} />
            <button type="submit" class="send" aria-label="Send" disabled={busy || text.trim() === ""} data-testid="chat-send">
                <Icon name="send" />
            </button>
        </form>
    );
}
