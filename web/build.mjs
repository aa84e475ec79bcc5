// Bundles the console into the folder named by the first argument: index.html, its public files, and under assets/ one
// script and one style sheet whose names carry a hash of their content.
import { build } from "esbuild";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const output = process.argv[2] ?? "dist";
const script_bytes_max = 100_000;

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
const result = await build({
    entryPoints: { console: "src/main.tsx" },
    outdir: join(output, "assets"),
    entryNames: "[name]-[hash]",
    bundle: true,
    format: "esm",
    target: ["es2022"],
    jsx: "automatic",
    jsxImportSource: "preact",
    minify: true,
    mangleProps: /[a-z]_$/, // private members: nothing outside a class names them
    legalComments: "none",
    metafile: true,
    preserveSymlinks: true,
    logLevel: "warning",
});

const assets = Object.entries(result.metafile.outputs);
const nameOf = (extension) => basename(assets.find(([path]) => path.endsWith(extension))[0]);
const script_bytes = assets.find(([path]) => path.endsWith(".js"))[1].bytes;
if (script_bytes > script_bytes_max) {
    console.error(`The console's script has ${script_bytes} bytes, more than the ${script_bytes_max} it may have.`);
    process.exit(1);
}

cpSync("public", output, { recursive: true, dereference: true });
const page = readFileSync("public/index.html", "utf8")
    .replace("%SCRIPT%", `/assets/${nameOf(".js")}`)
    .replace("%STYLE%", `/assets/${nameOf(".css")}`);
writeFileSync(join(output, "index.html"), page);
