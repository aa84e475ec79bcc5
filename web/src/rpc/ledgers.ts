// What of a stream has been taken in already. Delivery is at least once; these make it exactly once.
import type { EventItem, Notifications, TapeItem } from "./contract";

const remembered_max = 4_096; // of event ids: far more than one reconnect can replay into frames of 100 twice

export class EventLedger {
    private cursor_: string | undefined;
    private readonly seen_ = new Set<string>();

    // Where to go on after a reconnect; nothing before the first subscription.
    get cursor(): string | undefined {
        return this.cursor_;
    }

    begin(cursor: string): void {
        this.cursor_ ??= cursor;
    }

    reset(): void {
        this.cursor_ = undefined;
    }

    // The events of the frame that are new, in their order.
    accept(frame: Pick<Notifications["event"], "cursor" | "events">): EventItem[] {
        this.cursor_ = frame.cursor;
        return frame.events.filter((event) => {
            if (!event.event_id) return true;
            if (this.seen_.has(event.event_id)) return false;
            this.seen_.add(event.event_id);
            if (this.seen_.size > remembered_max) this.seen_.delete(this.seen_.values().next().value!);
            return true;
        });
    }
}

export class TapeLedger {
    private head_ = 0;

    // The last seq that was taken in: `after_seq` of the next subscription.
    get head(): number {
        return this.head_;
    }

    // The items that follow the head without a hole; `gap` where some before them are missing.
    accept(items: TapeItem[]): { fresh: TapeItem[]; gap: boolean } {
        const fresh: TapeItem[] = [];
        for (const item of items) {
            if (item.seq <= this.head_) continue;
            if (item.seq !== this.head_ + 1) return { fresh, gap: true };
            this.head_ = item.seq;
            fresh.push(item);
        }
        return { fresh, gap: false };
    }
}
