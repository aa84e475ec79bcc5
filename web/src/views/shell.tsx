// The frame around every view: navigation at the side on wide screens, at the bottom on phones.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Brand, Icon } from "../components/icon";
import type { IconName } from "../components/icon";
import { ConnectionBanner, ConnectionMark } from "../components/connection";
import { NoticesView } from "../components/notices_view";
import { useConsole } from "../state/console_context";
import { last_chat, linkTo, route } from "../state/route";
import { setTheme, theme } from "../state/settings";
import type { Theme } from "../state/settings";

interface Place {
    view: string;
    id?: string;
    label: string;
    icon: IconName;
    count?: number;
    also?: string[];
}

function NavLink({ place }: { place: Place }) {
    const here = route.value.view;
    const current = here === place.view || place.also?.includes(here);
    return (
        <a href={linkTo(place.view, place.id)} class="nav-link" aria-current={current ? "page" : undefined}
            data-testid={`nav-${place.view}`}>
            <span class="nav-icon"><Icon name={place.icon} size={21} /></span>
            <span class="nav-label">{place.label}</span>
            {place.count ? <span class="count" data-testid={`count-${place.view}`}>{place.count}</span> : null}
        </a>
    );
}

const next_theme: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const theme_icon: Record<Theme, IconName> = { system: "half", light: "sun", dark: "moon" };

export function ThemeButton() {
    const now = theme.value;
    return (
        <button type="button" class="icon-button" onClick={() => setTheme(next_theme[now])} data-testid="theme-toggle"
            aria-label={`Theme: ${now}. Change to ${next_theme[now]}.`} title={`Theme: ${now}`}>
            <Icon name={theme_icon[now]} />
        </button>
    );
}

export function Shell({ children }: { children: ComponentChildren }) {
    const { inbox, welcome } = useConsole();
    const places: Place[] = [
        { view: "chat", id: last_chat.value, label: "Chat", icon: "chat" },
        { view: "runs", label: "Runs", icon: "runs", also: ["run"] },
        { view: "approvals", label: "Approvals", icon: "approvals", count: inbox.approvals.value.length },
        { view: "pairings", label: "Pairings", icon: "pairings", count: inbox.pairings.value.length },
        { view: "nodes", label: "Nodes", icon: "nodes" },
        { view: "gateway", label: "Gateway", icon: "gateway" },
    ];
    const waiting = inbox.approvals.value.length + inbox.pairings.value.length;
    useEffect(() => void (document.title = waiting > 0 ? `(${waiting}) Gatehouse` : "Gatehouse"), [waiting]);
    return (
        <div class="shell">
            <a class="skip-link" href="#main" onClick={(event) => {
                event.preventDefault();
                document.getElementById("main")?.focus();
            }}>Skip to the content</a>
            <nav class="nav" aria-label="Main">
                <div class="brand"><Brand /><span>Gatehouse</span></div>
                <div class="nav-links">{places.map((place) => <NavLink key={place.view} place={place} />)}</div>
                <footer class="nav-foot">
                    <div class="nav-person">
                        <ConnectionMark />
                        <span class="muted small break">{welcome.value?.principal ?? ""}</span>
                    </div>
                    <ThemeButton />
                </footer>
            </nav>
            <main id="main" tabIndex={-1}>
                <ConnectionBanner />
                {children}
            </main>
            <NoticesView />
        </div>
    );
}

// The head of a view, with its own actions at the right.
export function ViewHead({ title, hint, children }: { title: string; hint?: string; children?: ComponentChildren }) {
    return (
        <header class="view-head">
            <div><h1>{title}</h1>{hint && <p class="muted">{hint}</p>}</div>
            {children && <div class="row wrap">{children}</div>}
        </header>
    );
}
