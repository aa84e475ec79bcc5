// The page that is open, kept in the address's fragment: /#/chat/ses_…
import { signal } from "@preact/signals";

export interface Route {
    view: string;
    id: string;
}

export function parseRoute(hash: string): Route {
    if (hash.startsWith("#token=")) return { view: "chat", id: "" };
    const [view, id] = hash.replace(/^#\/?/, "").split("/");
    return { view: view || "chat", id: decodeURIComponent(id ?? "") };
}

export const linkTo = (view: string, id = ""): string => (id ? `#/${view}/${encodeURIComponent(id)}` : `#/${view}`);

export const route = signal<Route>(parseRoute(location.hash));

export function go(view: string, id = ""): void {
    location.hash = linkTo(view, id);
}

// The chat the person was in last: where "Chat" leads back to. Empty after "New chat".
export const last_chat = signal(route.value.view === "chat" ? route.value.id : "");

addEventListener("hashchange", () => {
    route.value = parseRoute(location.hash);
    if (route.value.view === "chat") last_chat.value = route.value.id;
});
