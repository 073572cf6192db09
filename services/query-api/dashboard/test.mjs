// Proves that what the package ships is what the sources build, then runs the unit tests: `node test.mjs`.

import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const shipped = join(here, "../src/ocpplog_query_api/dashboard/static");
const work = mkdtempSync(join(tmpdir(), "dashboard-"));
try {
  const built = join(work, "static");
  execFileSync(process.execPath, [join(here, "build.mjs"), built], { stdio: "inherit" });
  compare(built);
  await units();
} finally {
  rmSync(work, { recursive: true });
}

function compare(built) {
  const names = (directory) => readdirSync(directory, { recursive: true }).filter((name) => statSync(join(directory, name)).isFile());
  const all = new Set([...names(shipped), ...names(built)]);
  const read = (directory, name) => {
    try {
      return readFileSync(join(directory, name));
    } catch {
      return null;
    }
  };
  const different = [...all].filter((name) => {
    const [one, other] = [read(shipped, name), read(built, name)];
    return !one || !other || !one.equals(other);
  });
  if (different.length) {
    console.error(`The sources build something else than what is shipped: run make dashboard.\n  ${different.sort().join("\n  ")}`);
    process.exit(1);
  }
  console.log(`${all.size} files are shipped as the sources build them`);
}

async function units() {
  const tests = readdirSync(join(here, "test")).filter((name) => /\.test\.tsx?$/.test(name));
  await build({
    absWorkingDir: here,
    entryPoints: tests.map((name) => `test/${name}`),
    outdir: join(work, "tests"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    jsx: "automatic",
    jsxImportSource: "preact",
    logLevel: "warning",
    // What a browser has and Node lacks, as far as modules look at it when they are loaded.
    banner: { js: readFileSync(join(here, "test/browser.js"), "utf8") },
  });
  execFileSync(process.execPath, ["--test", join(work, "tests/")], { stdio: "inherit" });
}
