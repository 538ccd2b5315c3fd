import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutCookies } from "../fake/browser.js";
import { agree, bff, browser, visit, week } from "../fake/demopage.js";
import { signIn } from "../fake/dev.js";

test("provider down, then Sign in: words and a way back, before and after the click", async () => {
  // bff knows the provider's addresses by then: what it could not read is not asked for again at once.
  const before = await browser.newContext();
  await signIn(before, bff.url, "ada");
  await before.close();
  const w = await visit({ person: "", provider: true });
  await w.page.getByRole("button", { name: /Provider down/ }).click();
  await w.page.getByText("signing in would end at its page that says so").waitFor();
  await w.check("signed out, provider down");
  await w.page.locator("#sign-in").click();
  // The provider's page, or bff's own where the provider could not even say where its page is.
  await w.page.getByRole("heading", { name: /Down for maintenance|provider/i }).waitFor();
  await w.check("the page that says so");
  await w.page.locator("main a").last().click();
  await w.page.locator("#hero-up").click();
  await w.page.locator("#hero-up").waitFor({ state: "detached" });
  await w.page.locator("#sign-in").click();
  await agree(w.page, "Ada Lovelace");
  await w.page.locator("#sign-out").waitFor();
  await w.end(/503/);
});

test("what a button did stands below it, and a button that stays on says what undoes it", async () => {
  const w = await visit();
  await week(w.page, "Ada").getByText("200 in").waitFor();
  for (const [id, undo] of [
    ["down", "Bring the provider back"],
    ["slow", "Make the provider fast again"],
  ]) {
    await w.page.locator("#do-" + id).click();
    await w.page.locator("#do-" + id, { hasText: undo }).waitFor();
    await w.page.locator("#do-" + id).click();
    await w.page.locator("#do-" + id + " + .effect", { hasText: "well again" }).waitFor();
  }
  await w.page.locator("#do-expire").click();
  await w.page.locator("#do-expire + .effect", { hasText: "You expired the access token" }).waitFor();
  assert.equal(await w.page.locator(".effect").count(), 1, "only the last one");
  await w.end(/503/);
});

test("nothing that does nothing takes the focus", async () => {
  const w = await visit({ person: "" });
  await w.page.locator("#do-expire").waitFor();
  const seen = await w.page.evaluate(() => [...document.querySelectorAll(".break")].map((b) => [b.id, b.disabled]));
  assert.deepEqual(seen, [
    ["do-expire", true],
    ["do-down", false],
    ["do-slow", false],
    ["do-revoke", true],
    ["do-end-elsewhere", true],
  ]);
  await w.end();
});

test("on a phone a mail address is broken after the at-sign or before a dot, never within a word", async () => {
  const w = await visit({ viewport: { width: 320, height: 640 } });
  await week(w.page, "Ada").getByText("200 in").waitFor();
  const lines = await w.page
    .locator(".card header bdi")
    .first()
    .evaluate((el) => {
      Object.assign(el.style, { display: "inline-block", width: "8ch" }); // too narrow for all of it
      return [...el.childNodes]
        .filter((n) => n.nodeType === 3)
        .map((n) => {
          const range = document.createRange();
          range.selectNodeContents(n);
          return [...range.getClientRects()].map((r) => r.top);
        });
    });
  assert.deepEqual(lines.map((tops) => tops.length), [1, 1, 1], "a part is on one line");
  assert.ok(new Set(lines.flat()).size > 1, "the address is broken");
  assert.ok(await w.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await w.end();
});

test("a browser that keeps nothing of a page is told that it needs a cookie, and shows all of the page", async () => {
  const context = await browser.newContext();
  await context.addInitScript(withoutCookies);
  const page = await context.newPage(), wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  await page.goto(bff.url + "/?bff_error=login_expired");
  await page.getByText("this browser keeps none of this page").waitFor();
  await page.getByText("Break things").first().waitFor();
  await page.getByRole("button", { name: /Provider down/ }).waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});

test("the page links to its source", async () => {
  const w = await visit({ person: "" });
  const links = await w.page.locator(".source a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  assert.deepEqual(links, ["/app.js", "/view.js", "/scenes.js", "/bff/client.js"]);
  for (const link of links) {
    const answer = await w.context.request.get(bff.url + link);
    assert.match(answer.headers()["content-type"], /javascript/);
  }
  await w.end();
});

test("calls are counted once: what stands beside the provider is what was answered for this person", async () => {
  const w = await visit();
  await week(w.page, "Ada").getByText("200 in").waitFor();
  await w.page.getByText(/\d+ API calls? answered for Ada/).waitFor();
  assert.equal(
    await w.page
      .locator("#strip")
      .getByText(/renewal/)
      .count(),
    1,
  );
  await w.end();
});

test("the hook makes a row of who signs in, and the page shows it, with the rights and with the events that bff sent since", async () => {
  const w = await visit({ person: "grace" });
  const row = w.page.locator("tbody tr", { hasText: "Grace Hopper" });
  await row.waitFor();
  const [id, , rights] = await row.locator("td").allTextContents();
  assert.match(id, /^\d{4}$/);
  const { user } = await (await w.context.request.get(bff.url + "/bff/session")).json();
  assert.deepEqual([user.app_id, user.rights.join(", ")], [id, rights], "the session has what the row says");
  await w.page.locator(".deliveries li", { hasText: "session.created Grace Hopper" }).first().waitFor();
  await w.end();
});

// The last one: it leaves Ada another language.
test("theme and language follow the person to another tab and another browser", async () => {
  const w = await visit({ colorScheme: "light" }),
    tab = await w.context.newPage();
  await tab.goto(bff.url);
  await tab.locator("#sign-out").waitFor();
  const ground = (page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground(w.page);
  await w.page.getByLabel("Dark").check();
  await w.page.getByLabel("Deutsch").check();
  await w.page.getByRole("region", { name: "Die Woche von Ada" }).waitFor();
  await tab.getByRole("region", { name: "Die Woche von Ada" }).waitFor();
  for (const page of [w.page, tab]) assert.notEqual(await ground(page), light);
  await w.check("dark and German");
  const other = await browser.newContext({ locale: "en", colorScheme: "light" });
  await signIn(other, bff.url);
  const there = await other.newPage();
  await there.goto(bff.url);
  await there.getByRole("region", { name: "Die Woche von Ada" }).waitFor();
  assert.equal(await ground(there), await ground(w.page));
  await other.close();
  await w.end();
});
