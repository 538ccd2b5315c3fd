// `bff dev`, the real one, for the tests of the demo app: built once, run on a free port, ended by the test.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../../../", import.meta.url);

export async function dev() {
  const dir = mkdtempSync(join(tmpdir(), "bff-dev-")),
    binary = join(dir, "bff");
  execFileSync("go", ["build", "-o", binary, "./cmd/bff"], { cwd: root, stdio: "inherit" });
  const child = spawn(binary, ["dev", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "",
    err = "";
  child.stderr.on("data", (b) => (err += b));
  const url = await new Promise((ready, failed) => {
    child.stdout.on("data", (b) => {
      const found = /Open\s+(http:\S+)/.exec((out += b));
      if (found) ready(found[1]);
    });
    child.on("exit", () => failed(new Error("bff dev ended: " + err)));
  });
  return {
    url,
    provider: /Provider\s+(http:\S+)/.exec(out)[1],
    /** @param {string} what */
    do: (what) =>
      fetch(url + "/demo/do", { method: "POST", headers: { "X-CSRF": "1" }, body: JSON.stringify({ do: what }) }),
    stop: () =>
      new Promise((ended) => {
        child.removeAllListeners("exit");
        child.on("exit", () => ended(rmSync(dir, { recursive: true })));
        child.kill();
      }),
  };
}

/** Signs in the way the testing recipe says: without the provider's pages. */
export async function signIn(context, url, person = "ada") {
  const r = await context.request.post(url + "/demo/sign-in", { headers: { "X-CSRF": "1" }, data: { person } });
  if (!r.ok()) throw new Error(`sign-in: ${r.status()} ${await r.text()}`);
}
