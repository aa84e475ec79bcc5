// A gateway for work on the console: speaks as much of the contract as the console uses, keeps everything in memory.
// node test/fake_gateway.mjs [PORT] serves ./dist; the token is gth_ and 43 times "a".
// Its methods beyond the contract (fake.drop, fake.pairing) let a test break the connection and bring a device.
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { WebSocketServer } from "ws";
import { capabilities, runTurns } from "./fake_runs.mjs";

export const token = `gth_${"a".repeat(43)}`;
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const policy_header = "default-src 'self'; connect-src 'self' ws: wss:";

let last_id = 0;
export const now = () => new Date().toISOString();
export const id = (prefix) => `${prefix}_${String(Date.now()).padStart(14, "0")}${String(++last_id).padStart(12, "0")}`;
export const fail = (kind, code, message) => Object.assign(new Error(message), { code, kind });

export class FakeGateway {
    sessions = new Map();
    runs = new Map();
    messages = [];
    approvals = new Map();
    pairings = new Map();
    nodes = new Map();
    agents = new Map([["default", agentOf("default", "demo")]]);
    tokens = [{ token_id: id("tok"), kind: "admin", principal: "user:admin", scopes: ["admin"], label: "first admin token", created_at: now() }];
    grants = [];
    policy = { version: 3, rules: [{ effect: "deny", tool: "node__process__*", agent: "guest*", reason: "guests run nothing" }] };
    events = [];
    replies = new Map();
    peers = new Set();
    gateway_id = "gw_fake";
    started_at = Date.now();

    emit(topics, type, payload, ephemeral = false) {
        const event = { event_id: id("evt"), topic: topics[0], type, occurred_at: now(), payload, ...(ephemeral ? { ephemeral } : {}) };
        if (!ephemeral) this.events.push({ topics, event });
        for (const peer of this.peers) peer.offer(topics, event, String(this.events.length));
    }

    addNode(label, state = "online") {
        const device_id = `dev_${createHash("sha256").update(label).digest("hex").slice(0, 52)}`;
        const node = { device_id, label, platform: "linux", version: "0.1.0", state, trust: "local", allow: ["*"], capabilities, last_seen_at: now() };
        this.nodes.set(device_id, node);
        this.emit(["nodes"], `node.${state}`, { device_id, label });
    }

    addPairing(label) {
        const pairing_id = id("pair");
        const device = { id: `dev_${createHash("sha256").update(label).digest("hex").slice(0, 52)}`, label, platform: "linux", version: "0.1.0" };
        this.pairings.set(pairing_id, { pairing_id, state: "pending", device, capabilities, requested_at: now(), expires_at: new Date(Date.now() + 3_600_000).toISOString() });
        this.emit(["pairings"], "pairing.requested", { pairing_id, device_id: device.id, state: "pending" });
    }

    call(peer, method, params) {
        const { idempotency_key: key, ...own } = params;
        const kept = key && this.replies.get(key);
        if (kept) return kept;
        const verb = methods[method];
        if (!verb) throw fail("method_not_found", -32601, `There is no method ${method}.`);
        const reply = verb(this, own, peer);
        if (key) this.replies.set(key, reply);
        return reply;
    }
}

const agentOf = (name, model) => ({ name, model, tools: ["*"], max_turns: 64, created_at: now(), updated_at: now() });
const page = (items) => ({ items });
const found = (map, key, what) => map.get(key) ?? (() => { throw fail("not_found", -32003, `There is no such ${what}.`); })();
const nodeOf = (g, name) => found(new Map([...g.nodes.values()].flatMap((n) => [[n.device_id, n], [n.label, n]])), name, "node");

function resolveSession(g, { session_id, session_key, agent, label, mode }) {
    const known = session_id ? found(g.sessions, session_id, "session") : [...g.sessions.values()].find((s) => s.session_key === session_key);
    if (known) return Object.assign(known, agent && { agent }, label && { label }, mode && { mode });
    const session = { session_id: id("ses"), session_key: session_key ?? id("key"), agent: agent ?? "default", mode: "queue", principal: "user:admin", created_at: now(), updated_at: now(), ...(label ? { label } : {}) };
    g.sessions.set(session.session_id, session);
    g.emit([`session:${session.session_id}`], "session.created", { session_id: session.session_id });
    return session;
}

function startRun(g, { session_id, session_key, input }) {
    const session = resolveSession(g, { session_id, session_key });
    const before = [...g.runs.values()].find((run) => run.session_id === session.session_id && !run.finished_at);
    const run = {
        run_id: id("run"), session_id: session.session_id, agent: session.agent, principal: "user:admin", state: "accepted",
        created_at: now(), usage: { input_tokens: 0, output_tokens: 0 }, steps: 0, tape_head: { seq: 0, hash: "0".repeat(64) }, tape: [], waiters: [],
    };
    g.runs.set(run.run_id, run);
    session.updated_at = now();
    void runTurns(g, run, input.text, before);
    return { run_id: run.run_id, session_id: session.session_id, state: run.state, ...(before ? { blocked_by: { run_id: before.run_id } } : {}) };
}

const shown = ({ tape, waiters, ...run }) => run;

function decide(g, { approval_id, decision, reason, grant }) {
    const approval = found(g.approvals, approval_id, "approval");
    if (approval.state !== "pending") throw fail("wrong_state", -32004, `The approval is ${approval.state} already.`);
    approval.state = decision === "approve" ? "approved" : "denied";
    Object.assign(approval, { decision, reason, decided_by: "user:admin", decided_at: now() });
    if (grant && grant !== "once") g.grants.push({ grant_id: id("grt"), principal: "user:admin", tool: approval.subject.tool, created_by: "user:admin", created_at: now() });
    g.emit(["approvals", `session:${approval.subject.session_id}`], "approval.resolved", { approval_id, state: approval.state });
    approval.decided(approval);
    return approval;
}

function settlePairing(g, { pairing_id, label }, state) {
    const pairing = found(g.pairings, pairing_id, "pairing");
    pairing.state = state;
    g.emit(["pairings"], "pairing.resolved", { pairing_id, device_id: pairing.device.id, state });
    if (state === "approved") g.addNode(label ?? pairing.device.label);
    return pairing;
}

const methods = {
    ping: () => ({ server_time: now() }),
    connect: (g, params, peer) => ({
        connection_id: id("con"), gateway_id: g.gateway_id, role: "client", principal: "user:admin", scopes: ["read", "write", "approve", "pair", "admin"],
        limits: { max_frame_bytes: 1 << 20, max_in_flight: 128, outbound_bytes_max: 8 << 20, heartbeat_ms: 15_000 }, cursor: String(g.events.length), ...(peer.device = params.device, {}),
    }),
    "gateway.status": (g) => ({
        gateway_id: g.gateway_id, instance_id: "ins_fake", version: "0.1.0", roles: ["edge", "worker", "scheduler"], store: { backend: "sqlite", schema_version: 1 },
        uptime_ms: Date.now() - g.started_at, connections: g.peers.size, instances: [{}],
        runs: Object.fromEntries(["accepted", "running", "waiting", "succeeded", "failed", "cancelled"].map((s) => [s, [...g.runs.values()].filter((r) => r.state === s).length])),
    }),
    "agent.list": (g) => page([...g.agents.values()]),
    "agent.put": (g, params) => (g.agents.set(params.name, { ...agentOf(params.name, params.model), ...params }), g.agents.get(params.name)),
    "agent.delete": (g, { name }) => (g.agents.delete(name), {}),
    "session.resolve": resolveSession,
    "session.get": (g, { session_id }) => found(g.sessions, session_id, "session"),
    "session.list": (g) => page([...g.sessions.values()].sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1))),
    "session.history": (g, { session_id }) => page(g.messages.filter((m) => m.session_id === session_id).map(({ session_id: _, ...m }) => m)),
    "session.delete": (g, { session_id }) => (g.sessions.delete(session_id), {}),
    "run.start": startRun,
    "run.get": (g, { run_id }) => shown(found(g.runs, run_id, "run")),
    "run.list": (g, { session_id, state }) => page([...g.runs.values()].filter((r) => (!session_id || r.session_id === session_id) && (!state || r.state === state)).reverse().map(shown)),
    "run.subscribe": (g, { run_id, after_seq = 0 }, peer) => peer.followTape(found(g.runs, run_id, "run"), after_seq),
    "run.cancel": (g, { run_id, reason }) => {
        const run = found(g.runs, run_id, "run");
        if (run.finished_at) throw fail("wrong_state", -32004, "The run has finished already.");
        run.cancel?.(reason);
        return { run_id, state: run.state };
    },
    "run.verify": (g, { run_id }) => ({ ok: true, items: found(g.runs, run_id, "run").tape.length }),
    "approval.list": (g) => page([...g.approvals.values()].filter((a) => a.state === "pending")),
    "approval.resolve": decide,
    "grant.list": (g) => page(g.grants),
    "grant.revoke": (g, { grant_id }) => (g.grants = g.grants.filter((x) => x.grant_id !== grant_id), {}),
    "policy.get": (g) => g.policy,
    "policy.put": (g, { rules }) => (g.policy = { version: g.policy.version + 1, rules }),
    "pairing.invite": () => ({ token: `gth_${randomBytes(32).toString("base64url")}`, expires_at: new Date(Date.now() + 3_600_000).toISOString() }),
    "pairing.list": (g) => page([...g.pairings.values()].filter((p) => p.state === "pending")),
    "pairing.approve": (g, params) => settlePairing(g, params, "approved"),
    "pairing.deny": (g, params) => settlePairing(g, params, "denied"),
    "node.list": (g) => page([...g.nodes.values()]),
    "node.rename": (g, { node, label }) => Object.assign(nodeOf(g, node), { label }),
    "node.revoke": (g, { node }) => Object.assign(nodeOf(g, node), { state: "revoked" }),
    "token.list": (g) => page(g.tokens),
    "token.issue": (g, params) => (g.tokens.push({ token_id: id("tok"), created_at: now(), principal: "user:admin", ...params }), { token_id: g.tokens.at(-1).token_id, token }),
    "token.revoke": (g, { token_id }) => Object.assign(g.tokens.find((t) => t.token_id === token_id), { revoked_at: now() }),
    "events.subscribe": (g, { topics, after }, peer) => peer.subscribe(topics, after),
    "events.unsubscribe": (g, { subscription_id }, peer) => (peer.subscriptions.delete(subscription_id), {}),
};

class Peer {
    subscriptions = new Map();
    constructor(gateway, socket) {
        this.gateway = gateway;
        this.socket = socket;
        this.notify("connect.challenge", { nonce: randomBytes(32).toString("base64url"), gateway_id: gateway.gateway_id, protocol: 1, server_time: now() });
        socket.on("message", (data) => this.receive(JSON.parse(String(data))));
        socket.on("close", () => gateway.peers.delete(this));
        gateway.peers.add(this);
    }

    notify(method, params) {
        this.socket.send(JSON.stringify({ jsonrpc: "2.0", method, params }));
    }

    receive({ id: request_id, method, params = {} }) {
        try {
            const result = this.gateway.call(this, method, params);
            this.socket.send(JSON.stringify({ jsonrpc: "2.0", id: request_id, result }));
        } catch (error) {
            const { code = -32603, kind = "internal", message } = error;
            this.socket.send(JSON.stringify({ jsonrpc: "2.0", id: request_id, error: { code, message, data: { kind, retryable: false } } }));
        }
    }

    offer(topics, event, cursor) {
        for (const [subscription_id, wanted] of this.subscriptions) {
            if (!wanted.some((topic) => topics.includes(topic))) continue;
            this.notify("event", { subscription_id, cursor, events: [event] });
        }
    }

    subscribe(topics, after) {
        const subscription_id = id("sub");
        const missed = after === undefined ? [] : this.gateway.events.slice(Number(after)).filter((e) => e.topics.some((t) => topics.includes(t)));
        const cursor = String(this.gateway.events.length);
        setImmediate(() => {
            if (missed.length) this.notify("event", { subscription_id, cursor, events: missed.map((e) => e.event) });
            this.subscriptions.set(subscription_id, topics);
        });
        return { subscription_id, cursor: after ?? cursor };
    }

    followTape(run, after_seq) {
        const subscription_id = id("sub");
        let sent = after_seq;
        const push = () => {
            const items = run.tape.slice(sent);
            sent = run.tape.length;
            if (items.length) this.notify("tape", { subscription_id, run_id: run.run_id, items });
            if (run.finished_at) this.notify("tape.end", { subscription_id, run_id: run.run_id, state: run.state });
        };
        setImmediate(push);
        run.waiters.push(push);
        return { subscription_id, state: run.state };
    }
}

export function serve(gateway, port, dist) {
    const http = createServer((request, response) => {
        const path = new URL(request.url, "http://x").pathname;
        if (path === "/rpc/ping") {
            const known = request.headers.authorization === `Bearer ${token}`;
            response.writeHead(known ? 200 : 401, { "content-type": "application/problem+json" });
            return response.end(JSON.stringify(known ? { server_time: now() } : { detail: "The token is not known here." }));
        }
        const file = join(dist, path === "/" ? "index.html" : path);
        if (!existsSync(file)) return response.writeHead(404).end();
        response.writeHead(200, { "content-type": types[extname(file)] ?? "text/plain", "content-security-policy": policy_header });
        response.end(readFileSync(file));
    });
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "gatehouse.v1" });
    http.on("upgrade", (request, socket, head) => {
        const bearer = `gatehouse.bearer.${Buffer.from(token).toString("base64url")}`;
        const offered = (request.headers["sec-websocket-protocol"] ?? "").split(/,\s*/);
        if (!offered.includes(bearer)) return socket.end("HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n");
        sockets.handleUpgrade(request, socket, head, (ws) => new Peer(gateway, ws));
    });
    return new Promise((resolve) => http.listen(port, "127.0.0.1", () => resolve({
        port: http.address().port,
        drop: () => gateway.peers.forEach((peer) => peer.socket.terminate()),
        close: () => (gateway.peers.forEach((peer) => peer.socket.terminate()), new Promise((done) => http.close(done))),
    })));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    const gateway = new FakeGateway();
    gateway.addNode("workshop");
    const { port } = await serve(gateway, Number(process.argv[2] ?? 8788), "dist");
    console.log(`http://127.0.0.1:${port}/#token=${token}`);
}
