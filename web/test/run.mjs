// Bundles the tests of this folder (TypeScript, as the sources are) and hands them to node's own test runner.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const output = mkdtempSync(join(tmpdir(), "console-tests-"));
const sources = readdirSync("test").filter((name) => name.endsWith("_test.ts"));
await build({
    entryPoints: sources.map((name) => join("test", name)),
    outdir: output,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: ["node18"],
    jsx: "automatic",
    jsxImportSource: "preact",
    preserveSymlinks: true,
    logLevel: "warning",
});
const outputs = sources.map((name) => join(output, name.replace(/\.ts$/, ".mjs")));
const { status } = spawnSync(process.execPath, ["--test", ...outputs], { stdio: "inherit" });
rmSync(output, { recursive: true });
process.exit(status ?? 1);
