// A yardstick: graphile-worker as it comes, without its batching, with SLOTS jobs at a time. Adds COUNT jobs that do
// nothing to the Postgres of DATABASE, then completes them. Prints {"rate":…}, from the first completion to the last.
import { Logger, makeWorkerUtils, run } from 'graphile-worker';

const [count, slots] = process.argv.slice(2).map(Number);
const logger = new Logger(() => () => {});
const connectionString = process.env.DATABASE;

const utils = await makeWorkerUtils({ connectionString, logger });
await utils.migrate();
await utils.withPgClient((client) =>
  client.query("SELECT graphile_worker.add_job('nothing') FROM generate_series(1, $1::int)", [count]));
await utils.release();

// A connection for each slot and one to listen on: with fewer it warns that it will be slow.
const runner = await run({
  connectionString, logger, concurrency: slots, maxPoolSize: slots + 1, noHandleSignals: true,
  taskList: { nothing: async () => {} },
});
let completed = 0;
let first;
await new Promise((done) => runner.events.on('job:complete', () => {
  first ??= performance.now();
  if (++completed === count) done();
}));
console.log(JSON.stringify({ rate: (count - 1) / ((performance.now() - first) / 1000) }));
await runner.stop();
