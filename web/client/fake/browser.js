// Chromium for the tests of the pages, and what every page owes: no console message, no request to another origin, few
// bytes, no finding of axe.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as wait } from "node:timers/promises";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const executablePath = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((p) => p && existsSync(p));

export const launch = () => {
  assert.ok(executablePath, "no Chromium: install it, or set CHROMIUM");
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
};

/** Waits until a condition holds, at most half a minute.
 * @param {string} what is waited for @param {() => unknown} holds */
export const until = async (what, holds) => {
  for (let i = 0; i < 1500; i++) {
    if (await holds()) return;
    await new Promise((r) => setTimeout(r, 20));
  }
  assert.fail("never: " + what);
};

/** Closes a context. Should Chromium not answer within half a minute, its pages end with the browser instead.
 * @param {import("playwright-core").BrowserContext} [context] */
export const shut = (context) => Promise.race([context?.close(), wait(30e3, undefined, { ref: false })]);

/** A page that is watched. `end()` closes it and fails on what it did wrong.
 * @param {import("playwright-core").Browser} browser @param {string | string[]} origin where it may go */
export async function watched(browser, origin, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1180, height: 900 },
    locale: "en",
    reducedMotion: "reduce",
    ...options,
  });
  context.setDefaultTimeout(20e3);
  const page = await context.newPage(),
    wrong = [],
    heard = [];
  let bytes = 0;
  const watch = (p) => {
    p.on("console", (m) => ["error", "warning"].includes(m.type()) && heard.push(m.text()));
    p.on("pageerror", (e) => wrong.push(String(e)));
    p.on(
      "request",
      (r) =>
        r.url().startsWith("data:") ||
        [origin].flat().includes(new URL(r.url()).origin) ||
        wrong.push("another origin: " + r.url()),
    );
    p.on("response", async (r) => {
      if (r.url().includes("/events")) return; // it has no end
      const sizes = await r
        .finished()
        .then(() => r.request().sizes())
        .catch(() => undefined); // the page was closed
      bytes += sizes?.responseBodySize || 0; // as sent: compressed
    });
  };
  watch(page);
  context.on("page", watch);
  return {
    page,
    context,
    bytes: () => bytes,
    /** axe for WCAG 2.2 AA. It runs in an isolated world, which the page's policy does not bind. */
    async check(where) {
      const { violations } = await page.evaluate(
        `${axe}; axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })`,
      );
      assert.deepEqual(
        violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target + " " + n.failureSummary).join(" | ")}`),
        [],
        where,
      );
    },
    /** @param {RegExp} [allowed] console messages that belong to the test */
    async end(allowed) {
      await shut(context);
      assert.deepEqual([...wrong, ...heard.filter((t) => !allowed?.test(t))], []);
    },
  };
}

/** What a page sees of a browser that was set to keep nothing of it. It runs in the page. */
export const withoutCookies = () => {
  Object.defineProperty(Navigator.prototype, "cookieEnabled", { get: () => false });
  for (const name of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(window, name, {
      get: () => {
        throw new DOMException("Access is denied for this document.", "SecurityError");
      },
    });
  }
};
