// Text forms of bytes, as the contract asks for them.

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

export function base64url(bytes: Uint8Array): string {
    let binary = "";
    for (const byte of bytes) binary += String.fromCharCode(byte);
    return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function hex(bytes: Uint8Array): string {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// RFC 4648 base32, lower case, without padding.
export function base32(bytes: Uint8Array): string {
    const letters = "abcdefghijklmnopqrstuvwxyz234567";
    let text = "";
    let held = 0;
    let bits = 0;
    for (const byte of bytes) {
        held = ((held << 8) | byte) & 0xffff;
        for (bits += 8; bits >= 5; bits -= 5) text += letters[(held >> (bits - 5)) & 31];
    }
    return bits > 0 ? text + letters[(held << (5 - bits)) & 31] : text;
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

// 128 random bits: names one intention of the person, over however many connections it takes to carry it out.
export function freshKey(): string {
    return base64url(crypto.getRandomValues(new Uint8Array(16)));
}
