// What this browser keeps between visits: the token and the choice of theme.
import { signal } from "@preact/signals";

const token_key = "gatehouse.token";
const theme_key = "gatehouse.theme";

export type Theme = "system" | "light" | "dark";

// A link from the gateway carries the token in its fragment. It is taken out of the address bar, and so out of the
// history, before anything else happens.
export function takeTokenFromAddress(): string | undefined {
    const token = /^#token=(.+)$/.exec(location.hash)?.[1];
    if (token === undefined) return undefined;
    history.replaceState(null, "", `${location.pathname}${location.search}`);
    return decodeURIComponent(token);
}

export const keptToken = (): string | undefined => localStorage.getItem(token_key) ?? undefined;
export const keepToken = (token: string): void => localStorage.setItem(token_key, token);
export const forgetToken = (): void => localStorage.removeItem(token_key);

export const theme = signal<Theme>((localStorage.getItem(theme_key) as Theme | null) ?? "system");

export function setTheme(next: Theme): void {
    theme.value = next;
    localStorage.setItem(theme_key, next);
    applyTheme();
}

export function applyTheme(): void {
    if (theme.value === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme.value;
}
