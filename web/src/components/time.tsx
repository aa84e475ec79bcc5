// Instants for people. One clock for the whole page, so that "5 s ago" moves on without a timer for each.
import { signal } from "@preact/signals";

const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 1_000);

export function clockTime(instant: string): string {
    return new Date(instant).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

export function duration(ms: number): string {
    const s = Math.max(0, Math.round(ms / 1_000));
    const minutes = Math.floor((s % 3_600) / 60);
    if (s < 60) return `${s} s`;
    if (s < 3_600) return `${Math.floor(s / 60)} min`;
    if (s < 86_400) return [`${Math.floor(s / 3_600)} h`, minutes > 0 ? ` ${minutes} min` : ""].join("");
    return `${Math.floor(s / 86_400)} d`;
}

export function Ago({ instant }: { instant: string }) {
    const ms = now.value - Date.parse(instant);
    return <time dateTime={instant} title={new Date(instant).toLocaleString()}>{ms < 2_000 ? "just now" : `${duration(ms)} ago`}</time>;
}

export function Until({ instant }: { instant: string }) {
    const ms = Date.parse(instant) - now.value;
    return <time dateTime={instant} title={new Date(instant).toLocaleString()}>{ms <= 0 ? "expired" : `expires in ${duration(ms)}`}</time>;
}

export function Countdown({ at }: { at: number }) {
    return <>{Math.max(0, Math.ceil((at - now.value) / 1_000))} s</>;
}
