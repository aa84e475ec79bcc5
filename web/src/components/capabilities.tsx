// What a device offers: capabilities, their operations, how risky each is.
import type { Capability } from "../rpc/contract";
import { RiskBadge } from "./controls";

export const operationNames = (capabilities: Capability[]): string[] =>
    capabilities.flatMap((capability) => capability.operations.map((operation) => `${capability.id}.${operation.name}`));

interface CapabilitiesProps {
    capabilities: Capability[];
    // With a choice each operation has a box to tick.
    chosen?: ReadonlySet<string>;
    onToggle?: (name: string) => void;
    // What of it the gateway may use; the rest is struck out.
    allow?: string[];
}

export function matchesGlob(glob: string, text: string): boolean {
    const pattern = glob.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
    return new RegExp(`^${pattern}$`).test(text);
}

export function CapabilitiesView({ capabilities, chosen, onToggle, allow }: CapabilitiesProps) {
    return (
        <ul class="operations">
            {capabilities.flatMap((capability) => capability.operations.map((operation) => {
                const name = `${capability.id}.${operation.name}`;
                const usable = allow === undefined || allow.some((glob) => matchesGlob(glob, name));
                const text = (
                    <span class="grow">
                        <span class={`mono ${usable ? "" : "struck"}`}>{name}</span>{" "}
                        <span class="muted small">{operation.description}</span>
                    </span>
                );
                return (
                    <li key={name} class="operation">
                        {chosen && onToggle
                            ? (
                                <label class="row grow">
                                    <input type="checkbox" checked={chosen.has(name)} onChange={() => onToggle(name)}
                                        data-testid="pairing-operation" data-operation={name} />
                                    {text}
                                </label>
                            )
                            : text}
                        <RiskBadge risk={operation.risk} />
                    </li>
                );
            }))}
        </ul>
    );
}
