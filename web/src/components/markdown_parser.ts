// A small part of Markdown, as data. What it doesn't know stays text; it never yields markup.

export type Inline =
    | { kind: "text" | "code" | "strong" | "emphasis"; text: string }
    | { kind: "link"; text: string; href: string };

export type MarkdownBlock =
    | { kind: "paragraph" | "quote"; lines: Inline[][] }
    | { kind: "heading"; level: number; content: Inline[] }
    | { kind: "code"; language: string; text: string }
    | { kind: "list"; ordered: boolean; items: Inline[][] };

const inline = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|(?<![\w*])\*([^*\s][^*\n]*)\*(?![\w*])|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>"')]+[^\s<>"').,;:!?])/g;

export function parseInline(text: string): Inline[] {
    const parts: Inline[] = [];
    let end = 0;
    for (const match of text.matchAll(inline)) {
        if (match.index > end) parts.push({ kind: "text", text: text.slice(end, match.index) });
        end = match.index + match[0].length;
        const [whole, code, strong, emphasis, label, target] = match;
        if (code !== undefined) parts.push({ kind: "code", text: code });
        else if (strong !== undefined) parts.push({ kind: "strong", text: strong });
        else if (emphasis !== undefined) parts.push({ kind: "emphasis", text: emphasis });
        else parts.push({ kind: "link", text: label ?? whole, href: target ?? whole });
    }
    if (end < text.length) parts.push({ kind: "text", text: text.slice(end) });
    return parts;
}

const fence = /^\s*```\s*([\w+-]*)\s*$/;
const heading = /^(#{1,4})\s+(.*)$/;
const bullet = /^\s*[-*]\s+(.*)$/;
const numbered = /^\s*\d{1,3}[.)]\s+(.*)$/;
const quote = /^>\s?(.*)$/;

// A line that is a JSON document, as tools give it back: shown as code.
function jsonOf(line: string): string | undefined {
    if (!/^[{[]/.test(line.trim())) return undefined;
    try {
        return JSON.stringify(JSON.parse(line), null, 2);
    } catch {
        return undefined;
    }
}

function single(line: string): MarkdownBlock | undefined {
    const head = heading.exec(line);
    if (head) return { kind: "heading", level: head[1]!.length, content: parseInline(head[2]!) };
    const json = jsonOf(line);
    return json === undefined ? undefined : { kind: "code", language: "json", text: json };
}

function continued(line: string, last: MarkdownBlock | undefined): MarkdownBlock | undefined {
    const ordered = numbered.exec(line);
    const item = ordered ?? bullet.exec(line);
    if (item) {
        const content = parseInline(item[1]!);
        if (last?.kind === "list" && last.ordered === Boolean(ordered)) return { ...last, items: [...last.items, content] };
        return { kind: "list", ordered: Boolean(ordered), items: [content] };
    }
    const quoted = quote.exec(line);
    const kind = quoted ? "quote" : "paragraph";
    const content = parseInline(quoted ? quoted[1]! : line);
    return last?.kind === kind ? { ...last, lines: [...last.lines, content] } : { kind, lines: [content] };
}

export function parseMarkdown(text: string): MarkdownBlock[] {
    const blocks: MarkdownBlock[] = [];
    const lines = text.split("\n");
    let open = false; // whether the last block may take one more line
    for (let at = 0; at < lines.length; at++) {
        const line = lines[at]!;
        const fenced = fence.exec(line);
        if (fenced) {
            const close = lines.findIndex((later, index) => index > at && /^\s*```\s*$/.test(later));
            const end = close < 0 ? lines.length : close;
            blocks.push({ kind: "code", language: fenced[1]!, text: lines.slice(at + 1, end).join("\n") });
            at = end;
            open = false;
            continue;
        }
        const alone = line.trim() === "" ? undefined : single(line);
        if (alone) blocks.push(alone);
        else if (line.trim() !== "") {
            const last = open ? blocks.at(-1) : undefined;
            const next = continued(line, last)!;
            if (last && next.kind === last.kind && grew(last, next)) blocks[blocks.length - 1] = next;
            else blocks.push(next);
        }
        open = !alone && line.trim() !== "";
    }
    return blocks;
}

function grew(last: MarkdownBlock, next: MarkdownBlock): boolean {
    if (last.kind === "list" && next.kind === "list") return next.items.length > last.items.length && next.ordered === last.ordered;
    if ("lines" in last && "lines" in next) return next.lines.length > last.lines.length;
    return false;
}
