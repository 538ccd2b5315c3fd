// The documented React set-up in a real browser: StrictMode subscribes, unsubscribes and subscribes again in one tick.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { launch, until, watched } from "../fake/browser.js";
import { fresh, serve } from "../fake/server.js";

const at = (name) => new URL("../" + name, import.meta.url).pathname;

const app = `
  import { StrictMode, createElement as h, version } from "react";
  import { createRoot } from "react-dom/client";
  import { createClient } from "./client.js";
  import { BFFProvider, SignedIn, SignedOut, usePreferences, useSession } from "./react.js";
  function App() {
    const { data } = useSession(), { data: preferences } = usePreferences();
    return h("div", null, h("p", { id: "version" }, version),
      h(SignedIn, null, h("p", null, "Hello " + data?.user?.name, " ", data?.connections?.map((c) => c.status).join())),
      h(SignedOut, null, h("p", null, "nobody")),
      h("p", { id: "theme" }, preferences?.theme));
  }
  const client = createClient();
  createRoot(document.getElementById("root")).render(h(StrictMode, null, h(BFFProvider, { client }, h(App))));`;

const html =
  "<!doctype html><title>app</title><link rel=icon href=data:,><div id=root></div>" +
  "<script type=module src=/app.js></script>";

/** The app with one version of React, as one script. */
async function bundle(version) {
  const alias = version === 18 ? { react: "react-18", "react-dom": "react-dom-18" } : {};
  const {
    outputFiles: [{ text }],
  } = await build({
    stdin: { contents: app, resolveDir: at(".") },
    bundle: true,
    write: false,
    format: "esm",
    logLevel: "silent",
    alias,
    define: { "process.env.NODE_ENV": '"development"' }, // StrictMode does nothing in production
  });
  return text;
}

let browser, bff;
before(async () => {
  browser = await launch();
  bff = await serve();
});
after(async () => {
  await browser.close();
  bff.close();
});

const locks = (page) =>
  page.evaluate(async () => {
    const { held, pending } = await navigator.locks.query();
    return [held.length, pending.length];
  });

for (const version of [18, 19]) {
  test(`React ${version} in StrictMode: one tab has the event stream, every tab hears it`, async () => {
    Object.assign(bff.state, fresh(), {
      files: {
        "/app": ["text/html", html],
        "/app.js": ["text/javascript", await bundle(version)],
      },
    });
    const w = await watched(browser, bff.url),
      first = w.page;
    await first.goto(bff.url + "/app");
    assert.match(await first.locator("#version").innerText(), new RegExp(`^${version}\\.`));
    await first.getByText("Hello Ada Lovelace active,needs_reauth,active").waitFor();
    await until("the first tab has the stream", () => bff.streams.size === 1);

    const second = await w.context.newPage();
    await second.goto(bff.url + "/app");
    await second.getByText("Hello Ada Lovelace").waitFor();
    await until("one tab holds the lock, the other waits", async () => String(await locks(first)) === "1,1");
    bff.state.connections[1].status = "active";
    bff.say("connection.changed", {});
    for (const page of [first, second]) await page.getByText("Hello Ada Lovelace active,active,active").waitFor();
    bff.state.preferences = { theme: "dark" };
    bff.say("preferences.changed", {});
    for (const page of [first, second]) await page.locator("#theme", { hasText: "dark" }).waitFor();

    await first.close();
    await until("the second tab took over", async () => String(await locks(second)) === "1,0" && bff.streams.size > 0);
    bff.state.signedIn = false;
    bff.say("session.ended", { reason: "ended_elsewhere" });
    await second.getByText("nobody").waitFor();
    await w.end(/401/); // the stream was opened once more before its end was heard of
  });
}
