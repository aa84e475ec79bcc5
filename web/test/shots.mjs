// Looks at the console with a real browser against the fake gateway: pictures of every view, on a phone and on a desktop,
// light and dark. node test/shots.mjs OUTPUT_FOLDER, after `npm run build`.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { FakeGateway, serve, token } from "./fake_gateway.mjs";

const output = process.argv[2] ?? "shots";
mkdirSync(output, { recursive: true });
const flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const screens = [
    { name: "desktop-light", colorScheme: "light", viewport: { width: 1280, height: 800 } },
    { name: "desktop-dark", colorScheme: "dark", viewport: { width: 1280, height: 800 } },
    { name: "phone-light", colorScheme: "light", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true },
    { name: "phone-dark", colorScheme: "dark", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true },
];

async function tour(screen) {
    const gateway = new FakeGateway();
    gateway.addNode("workshop");
    gateway.addNode("attic", "offline");
    const server = await serve(gateway, 0, "dist");
    const base = `http://127.0.0.1:${server.port}/`;
    const profile = mkdtempSync(join(tmpdir(), "console-shots-"));
    const { name, ...options } = screen;
    const context = await chromium.launchPersistentContext(profile, { executablePath: "/usr/bin/chromium", headless: true, args: flags, ...options });
    const page = context.pages()[0];
    page.on("console", (message) => message.type() === "error" && console.error(name, message.text()));
    page.on("pageerror", (error) => console.error(name, error.message));
    const shot = (view) => page.screenshot({ path: join(output, `${name}-${view}.png`) });
    const say = async (text) => {
        await page.getByTestId("chat-input").fill(text);
        await page.getByTestId("chat-input").press("Enter");
    };

    await page.goto(base);
    await page.getByTestId("token-input").waitFor();
    await shot("sign-in");
    await page.goto(`${base}#token=${token}`);
    await page.reload();
    await page.locator('[data-testid="connection-state"][data-phase="online"]').waitFor({ state: "attached" });
    await shot("new-chat");
    await say("Good evening. **What** can you do?\n- list files\n- run programs");
    await page.locator('[data-testid="run-state"][data-state="succeeded"]').waitFor();
    await say("/call node__system__info {}");
    await page.locator('[data-testid="run-state"][data-state="succeeded"]').nth(1).waitFor();
    await say('/say I look at the kernel first, one moment please.\n/call node__process__run {"argv":["uname","-a"]}');
    await page.getByTestId("approval-card").waitFor();
    await say("And the weather?");
    await page.getByTestId("message-queued").waitFor();
    gateway.addPairing("kitchen tablet");
    await page.waitForTimeout(300);
    await shot("chat");
    for (const view of ["approvals", "pairings", "nodes", "runs", "gateway"]) {
        await page.getByTestId(`nav-${view}`).click();
        await page.waitForTimeout(250);
        await shot(view);
    }
    await page.getByTestId("nav-nodes").click();
    await page.getByTestId("pair-device").click();
    await page.getByTestId("invite-make").click();
    await page.getByTestId("invite-command").waitFor();
    await shot("invite");
    await page.keyboard.press("Escape");
    await page.getByTestId("nav-approvals").click();
    await page.getByTestId("approval-approve").click();
    await page.getByTestId("nav-runs").click();
    await page.getByTestId("run-row").nth(1).click();
    await page.getByTestId("tape-verified").waitFor();
    await shot("tape");
    await server.close();
    await page.getByTestId("connection-banner").waitFor();
    await page.waitForTimeout(1500);
    await shot("lost");
    await context.close();
    rmSync(profile, { recursive: true, force: true });
}

for (const screen of screens) {
    await tour(screen);
    console.log(screen.name);
}
