import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/chat.css";
import "./styles/tape.css";
import { render } from "preact";
import { ConsoleContext, startConsole } from "./state/console_context";
import { route } from "./state/route";
import { applyTheme } from "./state/settings";
import { ApprovalsView } from "./views/approvals";
import { ChatView } from "./views/chat";
import { GatewayView } from "./views/gateway";
import { NodesView } from "./views/nodes";
import { PairingsView } from "./views/pairings";
import { RunView } from "./views/run";
import { RunsView } from "./views/runs";
import { Shell } from "./views/shell";
import { SignIn } from "./views/sign_in";

function View() {
    const { view, id } = route.value;
    switch (view) {
        case "runs": return <RunsView />;
        case "run": return <RunView key={id} run_id={id} />;
        case "approvals": return <ApprovalsView />;
        case "pairings": return <PairingsView />;
        case "nodes": return <NodesView />;
        case "gateway": return <GatewayView />;
        default: return <ChatView session_id={id} />;
    }
}

const console_ = startConsole();

function App() {
    const state = console_.connection.value;
    const away = state.phase === "signed_out" || (state.phase === "refused" && state.token_is_bad);
    return <ConsoleContext.Provider value={console_}>{away ? <SignIn /> : <Shell><View /></Shell>}</ConsoleContext.Provider>;
}

applyTheme();
render(<App />, document.getElementById("app")!);
