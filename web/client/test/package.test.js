import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const at = (name) => new URL("../" + name, import.meta.url);
const read = (name) => readFileSync(at(name), "utf8");

test("client.js is at most 3 kB on the wire", () => {
  const size = gzipSync(read("client.js"), { level: 9 }).length;
  assert.ok(size <= 3000, `${size} bytes gzipped`);
});

test("client.js has no imports", () => assert.doesNotMatch(read("client.js"), /^\s*import\b|\bimport\(/m));

test("the declarations in the repository are what tsc makes of the sources", () => {
  const dir = mkdtempSync(join(tmpdir(), "bff-client-"));
  try {
    execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--outDir", dir], { cwd: at(".") });
    for (const name of ["client", "react", "types"]) assert.equal(read(name + ".d.ts"), readFileSync(join(dir, name + ".d.ts"), "utf8"), "run `npm run types`");
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("npm packs what is listed, and no tests", () => {
  const [{ files }] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: at("."), encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  assert.deepEqual(files.map((f) => f.path).sort(), ["LICENSE", "README.md", "client.d.ts", "client.js", "package.json", "react.d.ts", "react.js", "types.d.ts", "types.js"]);
});
