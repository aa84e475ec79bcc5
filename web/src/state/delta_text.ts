// The text of the model turn that streams right now, put together from run.delta pieces. They may be dropped, doubled or
// late; the tape's provider_response is the truth and replaces whatever stands here.
import type { Events } from "../rpc/contract";

export type Delta = Pick<Events["run.delta"], "step_id" | "attempt" | "offset" | "text">;

export interface DeltaText {
    step_id: string;
    attempt: number;
    start: number; // where the held text begins, in bytes: above 0 where the console came in later
    end: number; // where it ends, in bytes
    text: string;
    over: boolean; // the answer is on the tape: later pieces of this turn say nothing new
}

export const noDelta: DeltaText = { step_id: "", attempt: 0, start: 0, end: 0, text: "", over: false };

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
// "turn_3" → 3
const turnOf = (step_id: string): number => Number(/_(\d+)$/.exec(step_id)?.[1] ?? 0);

function begin(piece: Delta): DeltaText {
    const { step_id, attempt, offset, text } = piece;
    return { step_id, attempt, start: offset, end: offset + bytesOf(text).length, text, over: false };
}

export function applyDelta(held: DeltaText, piece: Delta): DeltaText {
    if (piece.step_id !== held.step_id) return turnOf(piece.step_id) < turnOf(held.step_id) ? held : begin(piece);
    if (held.over || piece.attempt < held.attempt) return held;
    if (piece.attempt > held.attempt) return begin(piece);
    const end = piece.offset + bytesOf(piece.text).length;
    if (end <= held.end) return held;
    // A hole: pieces were dropped. What comes now is shown after an ellipsis, not glued to the wrong place.
    if (piece.offset > held.end || piece.offset < held.start) return begin(piece);
    const known = bytesOf(piece.text).slice(held.end - piece.offset);
    return { ...held, end, text: held.text + new TextDecoder().decode(known) };
}

// The turn's answer is on the tape.
export function endDelta(held: DeltaText, step_id = held.step_id): DeltaText {
    return turnOf(step_id) < turnOf(held.step_id) ? held : { ...noDelta, step_id, over: true };
}

export const shownDelta = (held: DeltaText): string => (held.start > 0 && held.text ? `… ${held.text}` : held.text);
