// This browser's own Ed25519 key. The private half can't be exported, it lives in IndexedDB and never leaves it. Where
// WebCrypto is absent (plain http from another machine) or has no Ed25519, the console connects without a device.
import { base32, base64url, hex, sha256, utf8 } from "./encoding";

export interface DeviceKey {
    id: string;
    public_key: string;
    sign(lines: string): Promise<string>;
}

export interface ProofFacts {
    gateway_id: string;
    role: "client";
    device_id: string;
    nonce: string;
    token: string;
}

const database_name = "gatehouse";
const store_name = "keys";
const key_name = "device";

function settled<T>(request: IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
}

async function openDatabase(): Promise<IDBDatabase> {
    const request = indexedDB.open(database_name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(store_name);
    return settled(request);
}

async function storedPair(): Promise<CryptoKeyPair> {
    const database = await openDatabase();
    try {
        const kept = await settled<CryptoKeyPair | undefined>(
            database.transaction(store_name).objectStore(store_name).get(key_name),
        );
        if (kept) return kept;
        const made = (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair;
        // `add` fails where another tab was first; then that tab's key is the one.
        const store = database.transaction(store_name, "readwrite").objectStore(store_name);
        await settled(store.add(made, key_name)).catch(() => undefined);
        return await settled<CryptoKeyPair>(database.transaction(store_name).objectStore(store_name).get(key_name));
    } finally {
        database.close();
    }
}

export async function loadDeviceKey(): Promise<DeviceKey | undefined> {
    if (!globalThis.crypto?.subtle || !globalThis.indexedDB) return undefined;
    try {
        const pair = await storedPair();
        const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
        return {
            id: `dev_${base32(await sha256(raw))}`,
            public_key: base64url(raw),
            sign: async (lines) =>
                base64url(new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, pair.privateKey, utf8(lines)))),
        };
    } catch {
        return undefined;
    }
}

// The lines a device signs at connect (protocol.md 3), each ended by a newline.
export async function proofLines(facts: ProofFacts): Promise<string> {
    const token_hash = hex(await sha256(utf8(facts.token)));
    const lines = ["gatehouse-connect-v1", facts.gateway_id, facts.role, facts.device_id, facts.nonce, token_hash];
    return lines.map((line) => `${line}\n`).join("");
}
