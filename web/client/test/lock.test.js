// Who has the event stream, in a real browser: the lock of a watch that was stopped is free again.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { launch, until, watched } from "../fake/browser.js";
import { fresh, serve } from "../fake/server.js";

const html = `<!doctype html><title>app</title><link rel=icon href=data:,><script type=module src=/app.js></script>`;
const app = `
  import { createClient } from "/bff/client.js";
  window.client = createClient();
  window.listen = () => window.off = client.onAuthStateChange(() => {});`;

let browser, bff;
before(async () => {
  browser = await launch();
  bff = await serve();
});
beforeEach(() => Object.assign(bff.state, fresh(), { files: { "/app": ["text/html", html], "/app.js": ["text/javascript", app] } }));
after(async () => {
  await browser.close();
  bff.close();
});

const locks = (page) =>
  page.evaluate(async () => {
    const { held, pending } = await navigator.locks.query();
    return `${held.length},${pending.length}`;
  });

async function opened(context) {
  const page = await context.newPage();
  await page.goto(bff.url + "/app");
  await page.waitForFunction(() => "listen" in window);
  return page;
}

test("when the last listener leaves, another tab has the stream, and whoever comes back waits for it", async () => {
  const w = await watched(browser, bff.url),
    first = await opened(w.context),
    second = await opened(w.context);
  await first.evaluate(() => window.listen());
  await until("the first tab has the stream", () => bff.streams.size === 1);
  await second.evaluate(() => window.listen());
  await until("the second tab waits", async () => (await locks(first)) === "1,1");

  await first.evaluate(() => window.off());
  await until("the second tab took over", async () => (await locks(second)) === "1,0" && bff.streams.size === 1);
  await first.evaluate(() => window.listen());
  await until("the first tab waits", async () => (await locks(first)) === "1,1");
  await second.close();
  await until("the first tab took over", async () => (await locks(first)) === "1,0" && bff.streams.size === 1);
  await w.end();
});
