// The package as npm packs it, in an application of Next.js and of SvelteKit as their own tools build it: a page and a
// route say who sent the request. `make frameworks` runs it; it installs half a gigabyte and takes minutes.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const at = (name) => fileURLToPath(new URL(name, import.meta.url));
const ada = { id: "u_1", name: "Ada", email: "ada@example.com", rights: ["admin"] };
let bff, url, tarball, dir, down = false;

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "bff-frameworks-"));
  const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", dir], { cwd: at("../"), encoding: "utf8" });
  tarball = join(dir, JSON.parse(packed)[0].filename);
  bff = createServer((q, r) => {
    if (down) return r.writeHead(503, { "BFF-Error": "store_unavailable" }).end("{}");
    const known = q.url === "/bff/session?touch=false" && q.headers["x-csrf"] === "1" && q.headers.cookie === "bff=good";
    r.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(
      known ? { authenticated: true, user: ada, session: { id: "s_1" } } : { authenticated: false }));
  });
  await new Promise((ready) => bff.listen(0, "127.0.0.1", ready));
  url = "http://127.0.0.1:" + bff.address().port;
});

after(() => {
  bff.close();
  rmSync(dir, { recursive: true });
});

const freePort = async () => {
  const s = createServer();
  await new Promise((ready) => s.listen(0, "127.0.0.1", ready));
  const { port } = s.address();
  await new Promise((closed) => s.close(closed));
  return port;
};

for (const framework of ["next", "sveltekit"]) {
  test(framework + ": a page and a route know who asks", { timeout: 15 * 60e3 }, async () => {
    const app = join(dir, framework);
    cpSync(at(framework), app, { recursive: true, filter: (name) => !/node_modules|\.next|\.svelte-kit|build$/.test(name) });
    const run = (...args) => execFileSync("npm", args, { cwd: app, stdio: ["ignore", "ignore", "inherit"], env });
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
    run("install", "--no-audit", "--no-fund", "--ignore-scripts", tarball);
    run("run", "build");
    const port = await freePort();
    const server = spawn("npm", ["start"], { cwd: app, detached: true, stdio: "inherit",
      env: { ...env, PORT: String(port), HOST: "127.0.0.1", BFF_URL: url } });
    try {
      const get = (path, cookie) => fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });
      for (let tries = 0; ; tries++) {
        if (await get("/me", "bff=none").catch(() => undefined)) break;
        assert.ok(tries < 300 && server.exitCode === null, "it did not start");
        await wait(200);
      }
      assert.deepEqual(await (await get("/me", "bff=good")).json(),
        { authenticated: true, user: ada, session: { id: "s_1" } });
      assert.deepEqual(await (await get("/me", "bff=none")).json(), { authenticated: false });
      assert.match(await (await get("/inbox", "bff=good")).text(), /Hello (<!-- -->)?Ada/);
      assert.match(await (await get("/inbox", "bff=none")).text(), /Nobody is signed in/); // each request anew
      down = true;
      assert.equal((await get("/me", "bff=good")).status, 500, "an outage is not nobody");
    } finally {
      down = false;
      process.kill(-server.pid);
    }
  });
}
