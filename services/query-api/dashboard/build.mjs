// Builds what the Python package ships: `node build.mjs [directory]`. The same sources give the same bytes, wherever they lie.

import { build } from "esbuild";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = resolve(process.argv[2] ?? join(here, "../src/ocpplog_query_api/dashboard/static"));
const PAGES = { "index.html": { entry: "src/main.tsx", also: ["src/log/view.tsx"] }, "docs.html": { entry: "src/docs.ts", also: [] } };

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: Object.values(PAGES).map(({ entry }) => entry),
  outdir: join(target, "assets"),
  outbase: "src",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

const outputs = Object.entries(metafile.outputs).map(([path, output]) => ({ path, name: basename(path), ...output }));
const outputOf = (entry) => outputs.find((output) => output.entryPoint === entry);
const loadedWith = (path, found = new Set()) => {
  if (found.has(path)) return found;
  found.add(path);
  for (const { path: next, kind } of metafile.outputs[path].imports) if (kind === "import-statement") loadedWith(next, found);
  return found;
};

for (const [page, { entry, also }] of Object.entries(PAGES)) {
  const main = outputOf(entry);
  const early = new Set([main, ...also.map(outputOf)].flatMap((output) => [...loadedWith(output.path)]));
  early.delete(main.path);
  const links = [
    ...(main.cssBundle ? [`<link rel="stylesheet" href="/static/assets/${basename(main.cssBundle)}">`] : []),
    ...[...early].sort().map((path) => `<link rel="modulepreload" href="/static/assets/${basename(path)}">`),
    `<script type="module" src="/static/assets/${main.name}"></script>`,
  ];
  writeFileSync(join(target, page), readFileSync(join(here, "pages", page), "utf8").replace("<!-- assets -->", links.join("\n  ")));
}
cpSync(join(here, "pages/icon.svg"), join(target, "icon.svg"));
writeFileSync(join(target, "licences.txt"), licences());

/** The licences of the libraries that are in the bundle. */
function licences() {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) packages.add(match[1]);
  }
  const parts = [...packages].sort().map((name) => {
    const { version, license } = JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8"));
    return `${name} ${version} (${license})\n\n${readFileSync(join(here, "node_modules", name, "LICENSE"), "utf8").trim()}\n`;
  });
  return `The dashboard contains these libraries.\n\n${parts.join(`\n${"-".repeat(78)}\n\n`)}`;
}
