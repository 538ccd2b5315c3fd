import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const at = (name) => new URL("../" + name, import.meta.url);
const modules = ["client", "express", "next", "react", "server", "store", "svelte", "sveltekit", "types", "vue"];
const read = (name) => readFileSync(at(name), "utf8");

test("client.js is about 4 kB on the wire", () => {
  const size = gzipSync(read("client.js"), { level: 9 }).length;
  assert.ok(size <= 4250, `${size} bytes gzipped`);
});

test("nobody is sent to a package on npm, where there is none: the pages say that it comes from this repository", () => {
  const docs = readdirSync(at("../../docs")).filter((name) => name.endsWith(".md"));
  const pages = ["README.md", "../../README.md", ...docs.map((name) => "../../docs/" + name)];
  for (const page of pages) {
    assert.doesNotMatch(read(page), /\b(npm|pnpm|yarn|bun) (i|install|add) (-\S+ )*bff-client\b|npx bff-client|unpkg|jsdelivr|esm\.sh|npm:? ?"?bff-client\b/, page);
  }
  assert.match(read("../../docs/client.md"), /not on npm yet\. Use it from this repository/);
  assert.match(read("README.md"), /npm install \.\.\/bff\/web\/client\/bff-client-/);
});

test("client.js has no imports", () => assert.doesNotMatch(read("client.js"), /^\s*import\b|\bimport\(/m));

test("the declarations in the repository are what tsc makes of the sources", () => {
  const dir = mkdtempSync(join(tmpdir(), "bff-client-"));
  try {
    const args = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--outDir", dir];
    execFileSync(process.execPath, args, { cwd: at(".") });
    for (const name of modules) {
      const made = readFileSync(join(dir, name + ".d.ts"), "utf8");
      assert.equal(read(name + ".d.ts"), made, name + ": run `npm run types`");
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("npm packs what is listed, and no tests", () => {
  const options = { cwd: at("."), encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
  const out = execFileSync("npm", ["pack", "--dry-run", "--json"], options);
  const listed = ["LICENSE", "README.md", "package.json", ...modules.flatMap((m) => [m + ".d.ts", m + ".js"])].sort();
  assert.deepEqual(
    JSON.parse(out)[0]
      .files.map((f) => f.path)
      .sort(),
    listed,
  );
});

// What the client is on a server: something that can be imported and made, and does nothing by itself.
for (const condition of ["default", "react-server"]) {
  test(`every entry can be imported on a server, with the condition ${condition}`, () => {
    const entries = modules.filter((m) => !["client", "next", "store"].includes(m)).map((m) => "bff-client/" + m);
    const script = `
      await Promise.all(${JSON.stringify(entries)}.map((e) => import(e)));
      const { createClient } = await import("bff-client");
      const { BFFProvider, useSession } = await import("bff-client/react");
      createClient({ baseURL: "https://app.example.com" });
      let message;
      try { useSession(); } catch (e) { message = e.message; }
      console.log(JSON.stringify([typeof BFFProvider, message]));`;
    const args = ["--conditions=" + condition, "--input-type=module", "--eval", script];
    const [kind, message] = JSON.parse(execFileSync(process.execPath, args, { cwd: at("."), encoding: "utf8" }));
    assert.equal(kind, "function");
    if (condition === "react-server") assert.match(message, /put "use client" into its file/);
  });
}

test("the React entry says that it is the browser's", () => assert.match(read("react.js"), /^"use client";\n/));
