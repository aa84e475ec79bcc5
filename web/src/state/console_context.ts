// What every view may use: the connection, the inbox, who the person is.
import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Welcome } from "../rpc/contract";
import type { ConnectionState } from "../rpc/connection_machine";
import { GatewayClient } from "../rpc/gateway_client";
import { Inbox } from "./inbox";
import { forgetToken, keepToken, keptToken, takeTokenFromAddress } from "./settings";

export interface Console {
    client: GatewayClient;
    inbox: Inbox;
    connection: Signal<ConnectionState>;
    welcome: Signal<Welcome | undefined>;
    signIn(token: string): void;
    signOut(): void;
}

export function startConsole(): Console {
    const client = new GatewayClient(new URL(location.origin));
    const connection = signal<ConnectionState>(client.state);
    const welcome = signal<Welcome | undefined>(undefined);
    client.listen({
        onState: (state) => (connection.value = state),
        onOnline: (told) => (welcome.value = told),
    });
    const console_: Console = {
        client, connection, welcome, inbox: new Inbox(client),
        signIn(token) {
            keepToken(token);
            client.signIn(token);
        },
        signOut() {
            forgetToken();
            client.signOut();
            // Nothing of the old principal's may stay on the page.
            location.replace(location.pathname);
        },
    };
    const from_link = takeTokenFromAddress();
    const token = from_link ?? keptToken();
    if (token) console_.signIn(token);
    // A link opened while the console is open already changes the fragment only.
    addEventListener("hashchange", () => {
        const again = takeTokenFromAddress();
        if (again) console_.signIn(again);
    });
    return console_;
}

export const ConsoleContext = createContext<Console | undefined>(undefined);

export function useConsole(): Console {
    const value = useContext(ConsoleContext);
    if (!value) throw new Error("No console around this component.");
    return value;
}
