// The samples of the documentation, compiled from the very pages against the very archive that npm would publish.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = fileURLToPath(new URL("..", import.meta.url)),
  root = join(here, "..", "..");
// What a sample may use without saying where it is from.
const known = `
  import type { Client, Session } from "bff-client/types";
  declare global {
    const bff: Client, session: Session, id: string, button: HTMLButtonElement;
  }
`;

/** The TypeScript of a page: [name, text]. */
const samples = (page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^```(tsx?|typescript)\n([^]*?)^```$/gm)].map(([, kind, text], i) => [
    `${page.replace(/\W+/g, "-").toLowerCase()}-${i + 1}.${kind === "tsx" ? kind : "ts"}`,
    text,
  ]);

const pages = [
  "README.md",
  ...readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md")).map((name) => "docs/" + name),
  "web/client/README.md",
].filter((page) => samples(page).length > 0);

let dir;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "bff-samples-"));
  const pack = ["pack", "--silent", "--pack-destination", dir];
  const archive = execFileSync("npm", pack, { cwd: here, encoding: "utf8" }).trim();
  const modules = join(dir, "node_modules");
  mkdirSync(join(modules, "bff-client"), { recursive: true });
  execFileSync("tar", ["xzf", join(dir, archive), "-C", join(modules, "bff-client"), "--strip-components=1"]);
  for (const name of ["react", "vue", "express"]) symlinkSync(join(here, "node_modules", name), join(modules, name));
  symlinkSync(join(here, "node_modules", "@types"), join(modules, "@types"));
  writeFileSync(join(dir, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(dir, "known.ts"), known);
  for (const page of pages) {
    for (const [name, text] of samples(page)) writeFileSync(join(dir, name), text + "\nexport {};\n");
  }
});
after(() => rmSync(dir, { recursive: true }));

async function compile(options) {
  const config = join(dir, "tsconfig.json");
  writeFileSync(
    config,
    JSON.stringify({
      compilerOptions: {
        strict: true,
        noEmit: true,
        jsx: "react-jsx",
        target: "es2022",
        lib: ["es2023", "dom", "dom.iterable"],
        types: [],
        skipLibCheck: true,
        ...options,
      },
      include: ["*.ts", "*.tsx"],
    }),
  );
  const tsc = join(here, "node_modules/typescript/bin/tsc");
  return promisify(execFile)(process.execPath, [tsc, "-p", config], { cwd: dir }).then(
    () => "",
    (e) => e.stdout || e.message,
  );
}

const kinds = {
  bundler: { module: "esnext", moduleResolution: "bundler" },
  node16: { module: "node16", moduleResolution: "node16" },
};
const types18 = join(here, "node_modules/types-react-18");
const reacts = { 18: { paths: { react: [types18], "react/*": [types18 + "/*"] } }, 19: {} };

for (const [kind, options] of Object.entries(kinds)) {
  for (const [react, paths] of Object.entries(reacts)) {
    test(`the documented samples compile, strict, with ${kind} and the types of React ${react}`, async () => {
      assert.equal(await compile({ ...options, ...paths }), "");
    });
  }
}

test("the pages about the client have samples, and a mistake in one is found", async () => {
  const named = ["client", "client-session", "client-calls", "client-server", "account-page", "testing"];
  for (const page of [...named.map((name) => `docs/${name}.md`), "web/client/README.md"]) {
    assert.ok(pages.includes(page), page);
  }
  writeFileSync(join(dir, "wrong.ts"), "export const name: string = session.user.name;\n");
  assert.match(await compile(kinds.bundler), /wrong\.ts.*'session\.user'|wrong\.ts.*error/);
  rmSync(join(dir, "wrong.ts"));
});
