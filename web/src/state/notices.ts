// Short messages at the edge of the page: what went wrong, or that something was done.
import { signal } from "@preact/signals";

export interface Notice {
    id: number;
    tone: "good" | "bad";
    text: string;
}

const shown_ms = 6_000;
let next_id = 1;

export const notices = signal<Notice[]>([]);

export function dismiss(id: number): void {
    notices.value = notices.value.filter((notice) => notice.id !== id);
}

export function notify(text: string, tone: Notice["tone"] = "good"): void {
    const id = next_id++;
    notices.value = [...notices.value.slice(-2), { id, tone, text }];
    setTimeout(() => dismiss(id), shown_ms);
}

// Runs an action of the person; what it throws becomes a notice. Tells whether it went well.
export async function attempt(action: () => Promise<unknown>, done?: string): Promise<boolean> {
    try {
        await action();
        if (done) notify(done);
        return true;
    } catch (error) {
        notify((error as Error).message, "bad");
        return false;
    }
}
