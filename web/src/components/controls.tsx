// Small controls that more than one view uses.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { attempt, notify } from "../state/notices";
import { Icon } from "./icon";
import type { IconName } from "./icon";

export function CopyButton({ text, label = "Copy", quiet = false }: { text: string; label?: string; quiet?: boolean }) {
    const [done, setDone] = useState(false);
    async function copy() {
        try {
            await navigator.clipboard.writeText(text);
            setDone(true);
            setTimeout(() => setDone(false), 1_500);
        } catch {
            notify("This browser does not let the page copy. Select the text instead.", "bad");
        }
    }
    return (
        <button type="button" class={quiet ? "copy quiet" : "copy"} onClick={copy} aria-label={label} title={label}>
            <Icon name={done ? "check" : "copy"} size={16} />
            {!quiet && <span>{done ? "Copied" : label}</span>}
        </button>
    );
}

interface ActionProps {
    run: () => Promise<unknown>;
    children: ComponentChildren;
    kind?: "primary" | "danger" | "plain";
    done?: string;
    testid?: string;
    disabled?: boolean;
    // Asks once more before it acts.
    sure?: string;
}

// A button that does something at the gateway: busy while it lasts, an error becomes a notice.
export function Action({ run, children, kind = "plain", done, testid, disabled, sure }: ActionProps) {
    const [busy, setBusy] = useState(false);
    const [asking, setAsking] = useState(false);
    async function act() {
        if (sure && !asking) {
            setAsking(true);
            setTimeout(() => setAsking(false), 4_000);
            return;
        }
        setAsking(false);
        setBusy(true);
        await attempt(run, done);
        setBusy(false);
    }
    return (
        <button type="button" class={`button ${asking ? "danger" : kind}`} onClick={act} disabled={busy || disabled}
            aria-busy={busy} data-testid={testid}>
            {asking ? sure : children}
        </button>
    );
}

export function Badge({ tone, children, testid }: { tone: string; children: ComponentChildren; testid?: string }) {
    return <span class={`badge tone-${tone}`} data-testid={testid}>{children}</span>;
}

export const RiskBadge = ({ risk }: { risk: string }) => <Badge tone={`risk-${risk}`}>{risk}</Badge>;

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
    return (
        <div class="empty">
            <span class="empty-icon"><Icon name={icon} size={28} /></span>
            <h3>{title}</h3>
            {children && <div class="muted">{children}</div>}
        </div>
    );
}

export function Field({ label, hint, children }: { label: string; hint?: string; children: ComponentChildren }) {
    return (
        <label class="field">
            <span class="field-label">{label}</span>
            {children}
            {hint && <span class="muted small">{hint}</span>}
        </label>
    );
}

interface DialogProps {
    title: string;
    onClose: () => void;
    children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
    const dialog = useRef<HTMLDialogElement>(null);
    useEffect(() => dialog.current?.showModal(), []);
    const onBackdrop = (event: MouseEvent) => {
        if (event.target === dialog.current) onClose();
    };
    return (
        <dialog ref={dialog} onClose={onClose} onClick={onBackdrop} aria-label={title}>
            <div class="dialog-body">
                <header class="row between">
                    <h2>{title}</h2>
                    <button type="button" class="icon-button" onClick={onClose} aria-label="Close"><Icon name="close" /></button>
                </header>
                {children}
            </div>
        </dialog>
    );
}
