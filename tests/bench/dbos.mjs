// A yardstick: DBOS workflows of one step that says a word, COUNT of them with DEPTH in flight, on the Postgres of
// DATABASE. Prints {"rate":…,"p50_us":…}.
import { DBOS } from '@dbos-inc/dbos-sdk';

const [count, depth] = process.argv.slice(2).map(Number);

DBOS.setConfig({ name: 'yardstick', systemDatabaseUrl: process.env.DATABASE, runAdminServer: false, logLevel: 'error' });
const say = DBOS.registerWorkflow(
  async (text) => DBOS.runStep(async () => `You said: ${text}`, { name: 'say' }), { name: 'say' });

async function run(workflows, atOnce) {
  const taken = [];
  let left = workflows;
  const began = performance.now();
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (left-- > 0) {
      const asked = performance.now();
      await say('hello');
      taken.push(performance.now() - asked);
    }
  }));
  taken.sort((a, b) => a - b);
  const seconds = (performance.now() - began) / 1000;
  return { rate: taken.length / seconds, p50_us: taken[taken.length >> 1] * 1000 };
}

await DBOS.launch();
await run(100, Math.min(depth, 8)); // warm
console.log(JSON.stringify(await run(count, depth)));
await DBOS.shutdown();
