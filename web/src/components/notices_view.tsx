import { dismiss, notices } from "../state/notices";
import { Icon } from "./icon";

export function NoticesView() {
    return (
        <div class="notices" aria-live="polite">
            {notices.value.map((notice) => (
                <div key={notice.id} class={`notice tone-${notice.tone}`} data-testid="notice">
                    <Icon name={notice.tone === "good" ? "check" : "alert"} size={18} />
                    <span class="grow break">{notice.text}</span>
                    <button class="icon-button small" aria-label="Dismiss" onClick={() => dismiss(notice.id)}><Icon name="close" size={16} /></button>
                </div>
            ))}
        </div>
    );
}
