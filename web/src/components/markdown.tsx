// Shows what a model wrote. Everything passes as text nodes; links lead to http and https only.
import { parseMarkdown } from "./markdown_parser";
import type { Inline, MarkdownBlock } from "./markdown_parser";
import { CopyButton } from "./controls";

function InlineView({ parts }: { parts: Inline[] }) {
    return (
        <>
            {parts.map((part) => {
                switch (part.kind) {
                    case "code": return <code>{part.text}</code>;
                    case "strong": return <strong>{part.text}</strong>;
                    case "emphasis": return <em>{part.text}</em>;
                    case "link": return <a href={part.href} target="_blank" rel="noopener noreferrer">{part.text}</a>;
                    default: return part.text;
                }
            })}
        </>
    );
}

const Lines = ({ lines }: { lines: Inline[][] }) => (
    <>{lines.map((line, index) => <>{index > 0 && <br />}<InlineView parts={line} /></>)}</>
);

function BlockView({ block }: { block: MarkdownBlock }) {
    switch (block.kind) {
        case "heading": return <p class={`md-heading md-heading-${block.level}`}><InlineView parts={block.content} /></p>;
        case "code":
            return <div class="json"><pre tabIndex={0}>{block.text}</pre><CopyButton text={block.text} quiet /></div>;
        case "list": {
            const items = block.items.map((item) => <li><InlineView parts={item} /></li>);
            return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
        }
        case "quote": return <blockquote><Lines lines={block.lines} /></blockquote>;
        case "paragraph": return <p><Lines lines={block.lines} /></p>;
    }
}

export function Markdown({ text }: { text: string }) {
    return <div class="md">{parseMarkdown(text).map((block) => <BlockView block={block} />)}</div>;
}
