// What a stranger does in the console, in a real browser: chat, pair a node, let a risky call wait, lose the gateway to
// kill -9 in the middle, approve when it is back, see the run succeed and its tape verify.
//
// run.py starts the gateway and does on the machine what this script asks for: one JSON line out, one JSON line in.
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const PATIENCE_MS = 20000;
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Asks run.py for something that a person would do in a terminal.
async function ask(what, details = {}) {
  process.stdout.write(`${JSON.stringify({ what, ...details })}\n`);
  const { value } = await lines.next();
  return JSON.parse(value);
}

function step(text) {
  process.stderr.write(`browser: ${text}\n`);
}

class Console {
  constructor(page) {
    this.page = page;
    this.errors = [];
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => this.errors.push(String(error)));
  }

  at(testid, rest = '') {
    return this.page.locator(`[data-testid="${testid}"]${rest}`);
  }

  async go(view) {
    await this.at(`nav-${view}`).first().click();
  }

  async openChat() {
    await this.go('chat');
    await this.at('session-row').first().click();
  }

  async say(text) {
    await this.at('chat-input').fill(text);
    await this.at('chat-send').click();
  }

  // The whole text of the conversation as it is shown.
  async sees(text) {
    await this.at('transcript').getByText(text).first().waitFor();
  }

  async isOnline() {
    await this.at('connection-state', '[data-phase="online"]').first().waitFor({ state: 'attached' });
  }
}

async function signIn(ui, link) {
  step('opens the link');
  await ui.page.goto(link);
  await ui.at('chat-input').waitFor();
  await ui.isOnline();
  assert.ok(!ui.page.url().includes('gth_'), 'the token still stands in the address bar');
}

async function chat(ui) {
  step('chats');
  await ui.say('hello from a browser');
  await ui.sees('You said: hello from a browser');
  await ui.at('run-state', '[data-state="succeeded"]').first().waitFor({ state: 'attached' });
}

async function pairNode(ui) {
  step('pairs a node');
  await ui.go('nodes');
  await ui.at('pair-device').first().click();
  await ui.at('invite-make').click();
  const command = await ui.at('invite-command').textContent();
  const invite = command.match(/gth_[A-Za-z0-9_-]{43}/)[0];
  await ask('start node', { invite });
  await ui.page.keyboard.press('Escape');
  await ui.go('pairings');
  await ui.at('pairing-card').waitFor();
  await ui.at('pairing-approve').click();
  await ui.go('nodes');
  await ui.at('node-card', '[data-state="online"]').waitFor();
}

async function callThatWaits(ui) {
  step('asks for a risky call');
  await ui.openChat();
  await ui.say('/call node__process__run {"argv":["uname","-a"]}');
  await ui.at('run-state', '[data-state="waiting"]').first().waitFor({ state: 'attached' });
  await ui.go('approvals');
  const card = ui.at('approval-card');
  await card.waitFor();
  assert.match(await card.innerText(), /uname/, 'the approval does not show its arguments');
}

async function surviveCrash(ui) {
  step('loses the gateway');
  await ask('kill');
  await ui.at('connection-banner').waitFor();
  step('gets it back');
  await ask('start');
  await ui.isOnline();
  await ui.at('connection-banner').waitFor({ state: 'detached' });
}

async function approve(ui) {
  step('approves');
  await ui.go('approvals');
  await ui.at('approval-approve').click();
  await ui.at('approval-card').waitFor({ state: 'detached' });
  await ui.openChat();
  await ui.sees('Linux');
  await ui.at('message-user').nth(1).waitFor();
  assert.equal(await ui.at('run-state', ':not([data-state="succeeded"])').count(), 0);
}

async function readTape(ui) {
  step('reads the tape');
  await ui.at('turn-tape').last().click();
  await ui.at('tape-item').first().waitFor();
  if (await ui.at('tape-unverified').count()) {
    await ui.page.getByRole('button', { name: /verify/i }).first().click();
  }
  await ui.at('tape-verified').waitFor();
  const seqs = await ui.at('tape-item').evaluateAll((items) => items.map((item) => Number(item.dataset.seq)));
  assert.deepEqual(seqs, seqs.map((_, index) => index + 1), 'the tape has a hole or a double');
  const kinds = await ui.at('tape-item').evaluateAll((items) => items.map((item) => item.dataset.kind));
  for (const kind of ['approval_request', 'approval_decision', 'tool_call', 'tool_output']) {
    assert.ok(kinds.includes(kind), `the tape shows no ${kind}`);
  }
  const [run] = ui.page.url().match(/run_[0-9A-Z]{26}/);
  return run;
}

async function reload(ui) {
  step('reloads');
  await ui.page.reload();
  await ui.isOnline();
  await ui.openChat();
  await ui.sees('You said: hello from a browser');
  await ui.sees('Linux');
  assert.equal(await ui.at('message-user').count(), 2, 'a message is missing or doubled');
}

async function main() {
  const { link, chromium: executablePath, pictures } = await ask('begin');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  const ui = new Console(page);
  try {
    await signIn(ui, link);
    await chat(ui);
    await pairNode(ui);
    await callThatWaits(ui);
    await surviveCrash(ui);
    await approve(ui);
    const run = await readTape(ui);
    await reload(ui);
    assert.deepEqual(ui.errors, [], 'the page threw');
    await ask('verify', { run });
  } catch (failure) {
    await page.screenshot({ path: `${pictures}/browser-failure.png` });
    process.stderr.write(`browser: a picture of the moment: ${pictures}/browser-failure.png\n`);
    process.stderr.write(`browser: ${(await page.locator('body').innerText()).slice(0, 3000)}\n`);
    throw failure;
  } finally {
    await browser.close();
  }
}

main().then(() => process.exit(0), (failure) => {
  process.stderr.write(`${failure.stack}\n`);
  process.exit(1);
});
