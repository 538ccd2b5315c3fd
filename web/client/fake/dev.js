// `bff dev`, the real one, for the tests of the demo app: built once, run on a free port, ended by the test.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./browser.js";

const root = new URL("../../../", import.meta.url);

export async function dev() {
  const dir = mkdtempSync(join(tmpdir(), "bff-dev-")),
    binary = join(dir, "bff");
  execFileSync("go", ["build", "-o", binary, "./cmd/bff"], { cwd: root, stdio: "inherit" });
  const child = spawn(binary, ["dev", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "",
    err = "";
  child.stderr.on("data", (b) => (err += b));
  const at = (name) => new RegExp(name + "\\s+(http:\\S+)").exec(out)?.[1];
  child.stdout.on("data", (b) => (out += b));
  await until("bff dev tells its addresses", () => {
    if (child.exitCode !== null) throw new Error("bff dev ended: " + err);
    return at("Open") && at("Provider");
  });
  const url = at("Open");
  return {
    url,
    provider: at("Provider"),
    /** @param {string} what */
    do: (what) =>
      fetch(url + "/demo/do", { method: "POST", headers: { "X-CSRF": "1" }, body: JSON.stringify({ do: what }) }),
    async stop() {
      child.kill();
      await until("bff dev ends", () => child.exitCode !== null || child.signalCode !== null);
      rmSync(dir, { recursive: true });
    },
  };
}

/** Signs in the way the testing recipe says: without the provider's pages. */
export async function signIn(context, url, person = "ada") {
  const r = await context.request.post(url + "/demo/sign-in", { headers: { "X-CSRF": "1" }, data: { person } });
  if (!r.ok()) throw new Error(`sign-in: ${r.status()} ${await r.text()}`);
}
