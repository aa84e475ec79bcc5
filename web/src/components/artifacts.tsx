// Bytes that a tool left behind, to be saved.
import type { ArtifactRef } from "../rpc/contract";
import { useConsole } from "../state/console_context";
import { Action } from "./controls";
import { Icon } from "./icon";

export function Artifacts({ artifacts }: { artifacts: ArtifactRef[] }) {
    const { client } = useConsole();
    const save = async ({ artifact_id, name }: ArtifactRef) => {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(await client.download(artifact_id));
        link.download = name ?? artifact_id;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    };
    return (
        <div class="row wrap artifacts">
            {artifacts.map((artifact) => (
                <Action key={artifact.artifact_id} testid="artifact-save" run={() => save(artifact)}>
                    <Icon name="note" size={16} /> <span class="break">{artifact.name ?? artifact.artifact_id.slice(0, 16)}</span>
                </Action>
            ))}
        </div>
    );
}
