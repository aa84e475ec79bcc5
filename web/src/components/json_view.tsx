// JSON for people: indented, coloured, cut where it is endless. Text only; nothing of it is ever taken for markup.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { CopyButton } from "./controls";

const shown_max = 20_000; // characters; more is shown on demand
const token = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function coloured(text: string): ComponentChildren[] {
    const parts: ComponentChildren[] = [];
    let end = 0;
    for (const match of text.matchAll(token)) {
        if (match.index > end) parts.push(text.slice(end, match.index));
        end = match.index + match[0].length;
        const kind = match[2] !== undefined ? "key" : match[1] !== undefined ? "string" : "atom";
        parts.push(<span class={`json-${kind}`}>{match[1] ?? match[0]}</span>, match[2] ?? "");
    }
    parts.push(text.slice(end));
    return parts;
}

const line_length_max = 72;

// As JSON.stringify with two spaces, but what fits on a line stays on one.
export function prettyJson(value: unknown, indent = ""): string {
    const flat = JSON.stringify(value) ?? "";
    if (value === null || typeof value !== "object" || flat.length <= 2) return flat;
    const inner = `${indent}  `;
    const list = Array.isArray(value);
    const nested = Object.values(value).some((member) => member !== null && typeof member === "object");
    if (list && !nested && flat.length + indent.length <= line_length_max) return `[${value.map((member) => JSON.stringify(member)).join(", ")}]`;
    const lines = list
        ? value.map((member) => inner + prettyJson(member, inner))
        : Object.entries(value).map(([name, member]) => `${inner}${JSON.stringify(name)}: ${prettyJson(member, inner)}`);
    return `${list ? "[" : "{"}\n${lines.join(",\n")}\n${indent}${list ? "]" : "}"}`;
}

export function JsonView({ value, copy = true }: { value: unknown; copy?: boolean }) {
    const [whole, setWhole] = useState(false);
    const text = typeof value === "string" ? value : prettyJson(value);
    const shown = whole ? text : text.slice(0, shown_max);
    return (
        <div class="json">
            <pre tabIndex={0}>{typeof value === "string" ? shown : coloured(shown)}</pre>
            {copy && <CopyButton text={text} label="Copy" quiet />}
            {shown.length < text.length && (
                <button class="link" onClick={() => setWhole(true)}>Show all {text.length.toLocaleString()} characters</button>
            )}
        </div>
    );
}

// Arguments of a call: short flat ones as a line for each member, everything else as JSON.
export function ArgumentsView({ value }: { value: unknown }) {
    if (value !== null && typeof value === "object" && Object.keys(value).length === 0) {
        return <p class="muted small">No arguments.</p>;
    }
    return <JsonView value={value} />;
}

export function oneLine(value: unknown, length_max = 90): string {
    const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
    const flat = text.replace(/\s+/g, " ");
    return flat.length > length_max ? `${flat.slice(0, length_max - 1)}…` : flat;
}
