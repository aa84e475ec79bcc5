// The way in where no link carried a token, or where the token was refused.
import { useState } from "preact/hooks";
import { Brand, Icon } from "../components/icon";
import { Field } from "../components/controls";
import { useConsole } from "../state/console_context";

export function SignIn() {
    const console_ = useConsole();
    const state = console_.connection.value;
    const [token, setToken] = useState("");
    const entered = token.trim();
    const looks_right = /^gth_[A-Za-z0-9_-]{43}$/.test(entered);
    return (
        <main class="sign-in">
            <form class="card" onSubmit={(event) => {
                event.preventDefault();
                if (entered) console_.signIn(entered);
            }}>
                <Brand size={52} />
                <h1>Gatehouse</h1>
                <p class="muted">Open the link that the gateway printed at its start, or paste a token.</p>
                {state.phase === "refused" && (
                    <p class="callout tone-bad" role="alert" data-testid="sign-in-refused">
                        <Icon name="alert" size={18} /> <span><strong>{state.reason}</strong> {state.remedy}</span>
                    </p>
                )}
                <Field label="Token">
                    <input type="password" autocomplete="current-password" placeholder="gth_…" value={token} autoFocus
                        spellcheck={false} data-testid="token-input" onInput={(event) => setToken(event.currentTarget.value)} />
                </Field>
                {entered !== "" && !looks_right && (
                    <p class="muted small">A token is <code>gth_</code> and 43 more characters. On the gateway's machine it
                        stands in the file <code>admin.token</code> of its data directory.</p>
                )}
                <button class="button primary wide" type="submit" disabled={!entered} data-testid="token-submit">Sign in</button>
            </form>
        </main>
    );
}
