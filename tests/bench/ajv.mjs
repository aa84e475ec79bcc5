// How long ajv takes to validate the message of stdin's {schema, message}. Prints {"validate_ns":…,"parse_ns":…}.
import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';

const { schema, message } = JSON.parse(readFileSync(0, 'utf8'));
const validate = new Ajv.default().compile(schema);
const text = JSON.stringify(message);

function nanosecondsOf(work) {
  let best = Infinity;
  for (let round = 0; round < 9; round += 1) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < 100000; i += 1) work();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 100000);
  }
  return best;
}

if (!validate(message)) throw new Error(JSON.stringify(validate.errors));
let valid = 0;
const validate_ns = nanosecondsOf(() => { if (validate(message)) valid += 1; });
const parse_ns = nanosecondsOf(() => { if (JSON.parse(text).id) valid += 1; });
console.log(JSON.stringify({ validate_ns, parse_ns, valid }));
