import assert from "node:assert/strict";
import { test } from "node:test";
import { bff, visit } from "../fake/accountpage.js";
import { until, withoutCookies } from "../fake/browser.js";
import { fresh } from "../fake/server.js";

for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of [
    ["phone", { width: 360, height: 740 }],
    ["desktop", { width: 1180, height: 900 }],
  ]) {
    test(`axe finds nothing on a ${size} in ${colorScheme}: signed in, asking, signed out`, async () => {
      const w = await visit({}, { colorScheme, viewport });
      await w.page.getByRole("button", { name: "Sign out Safari on iPhone" }).waitFor();
      await w.check("signed in");
      assert.ok(
        await w.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        "nothing sticks out sideways",
      );
      await w.page.getByRole("button", { name: "Unlink Google, ada@example.com" }).click();
      await w.check("asking");
      await w.page.getByRole("button", { name: "Keep it" }).click();
      await w.page.getByRole("button", { name: "Sign out", exact: true }).click();
      await w.page.getByText("You may still be signed in at Google").first().waitFor();
      await w.check("signed out");
      await w.end();
    });
  }
}

test("it says what an account may do in words, and shows a scope without words as it is", async () => {
  const w = await visit();
  const google = w.page.locator(".card", { hasText: "Signed in with this" });
  assert.deepEqual(await google.locator(".may li").allInnerTexts(), [
    "Work with the files you open or create with this app",
    "See all your calendars and events",
    "Know that it is you",
    "See your email address",
    "See your name and profile",
  ]);
  assert.equal(await w.page.locator(".may code").innerText(), "codespace:secrets");
  await w.end();
});

test("a dead link says why and how to repair it, with the same account pinned", async () => {
  const w = await visit();
  assert.match(
    await w.page.locator(".card .notice").innerText(),
    /Your organisation wants you to sign in at Google again/,
  );
  assert.deepEqual(await w.page.locator(".may > p").allInnerTexts(), [
    "This application may",
    "Once it is linked again, this application may",
    "This application may",
  ]);
  assert.equal(
    await w.page.getByRole("link", { name: /Link again: Google, ada.lovelace@/ }).getAttribute("href"),
    "/bff/connect/google?connection=c_2&return_to=%2Fbff%2Faccount%3Flang%3Den",
  );
  await w.end();
});

for (const [lang, words] of Object.entries({
  en: {
    revoked: "Google no longer lets this application use the account",
    expired: "The permission at Google has run out",
    session_policy: "Your organisation wants you to sign in at Google again",
    rotated_away: "The last renewal of this link was lost on the way",
    unknown: "Google does not accept this link any more",
    "of a later version": "Google does not accept this link any more",
  },
  de: { expired: "Die Erlaubnis bei Google ist abgelaufen" },
})) {
  test(`each reason for which a link is dead is said in words: ${lang}`, async () => {
    for (const [reason, text] of Object.entries(words)) {
      const [one] = fresh().connections;
      const w = await visit({ connections: [{ ...one, status: "needs_reauth", reason }] }, {}, "/bff/account?lang=" + lang);
      const said = await w.page.locator(".card .notice").innerText();
      assert.ok(said.includes(text), `${reason}: ${said}`);
      await w.end();
    }
  });
}

test("a link whose end is known says when, and one without an end says nothing of it", async () => {
  const [one, two] = fresh().connections;
  const connections = [{ ...one, expires_at: "2031-05-17T12:00:00Z" }, { ...two, status: "active", reason: undefined }];
  const w = await visit({ connections });
  assert.deepEqual(await w.page.locator(".card .facts div", { hasText: "Permission ends" }).allTextContents(), [
    "Permission endsMay 17, 2031",
  ]);
  await w.end();
});

test("unlinking asks, says what it means at the provider, and takes the focus along", async () => {
  const w = await visit();
  const button = w.page.getByRole("button", { name: "Unlink GitHub, ada" });
  await button.focus();
  await w.page.keyboard.press("Enter");
  const dialog = w.page.getByRole("dialog", { name: "Unlink GitHub?" });
  assert.match(await dialog.innerText(), /GitHub is asked to take back the permission/);
  assert.equal(await w.page.evaluate(() => document.activeElement.textContent), "Keep it");
  await w.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  assert.equal(bff.state.connections.length, 3);
  assert.equal(await w.page.evaluate(() => document.activeElement.id), "unlink-c_3", "the focus is back where it was");
  await w.page.keyboard.press("Enter");
  await w.page.keyboard.press("Tab");
  await w.page.keyboard.press("Enter");
  await button.waitFor({ state: "detached" });
  assert.deepEqual(
    bff.state.connections.map((c) => c.id),
    ["c_1", "c_2"],
  );
  await w.page.locator("[role=status]", { hasText: "GitHub is unlinked" }).waitFor({ state: "attached" });
  assert.equal(await w.page.evaluate(() => document.activeElement.id), "linked");
  await w.end();
});

test("a refusal says that nothing was changed", async () => {
  const w = await visit({ failing: true });
  await w.page.getByRole("button", { name: "Unlink GitHub, ada" }).click();
  await w.page.getByRole("button", { name: "Unlink", exact: true }).click();
  await w.page.locator(".notice.bad", { hasText: "Nothing was changed" }).waitFor();
  await w.page.getByRole("button", { name: "Unlink GitHub, ada" }).waitFor();
  await w.end(/503|store_unavailable/);
});

test("an answer that does not come is no refusal: it may have been done", async () => {
  const w = await visit();
  await w.page.route("**/bff/connections/*", async (route) => {
    await route.fetch();
    await route.abort();
  });
  await w.page.getByRole("button", { name: "Unlink GitHub, ada" }).click();
  await w.page.getByRole("button", { name: "Unlink", exact: true }).click();
  await w.page.locator(".notice.bad", { hasText: "it may have been done or not" }).waitFor();
  assert.equal(await w.page.getByText("Nothing was changed").count(), 0);
  assert.equal(bff.state.connections.length, 2, "it was done");
  await w.end(/ERR_FAILED|Failed to fetch/);
});

test("devices end one by one, or all others at once", async () => {
  const w = await visit();
  await w.page.getByRole("button", { name: "Sign out Edge on Windows" }).click();
  await w.page.getByText("Edge on Windows is signed out.").first().waitFor();
  assert.deepEqual(
    bff.state.sessions.map((s) => s.id),
    ["s_1", "s_2"],
  );
  bff.state.sessions = fresh().sessions;
  await w.page.reload();
  await w.page.getByRole("button", { name: "Sign out all other devices" }).click();
  await w.page.getByRole("dialog").getByRole("button", { name: "Sign out all other devices" }).click();
  await w.page.getByText("You are signed in on this device only.").waitFor();
  assert.deepEqual(
    bff.state.sessions.map((s) => s.id),
    ["s_1"],
  );
  await w.end();
});

test("this device comes first, and is in use now", async () => {
  const w = await visit({ sessions: fresh().sessions.reverse() });
  await w.page.locator(".row").nth(2).waitFor();
  assert.match(
    await w.page.locator(".row").first().innerText(),
    /^Firefox on Linux\s+This device\s+signed in 10 hours ago, active now$/,
  );
  await w.end();
});

test("names without a place to break, 320 pixels, a page from right to left: nothing sticks out", async () => {
  const long = fresh(),
    endless = "x".repeat(90);
  long.connections[0].account.email = endless + "@" + endless + ".example.com";
  long.connections[1].title = endless;
  long.sessions[1].device = endless;
  const w = await visit(long, { viewport: { width: 320, height: 640 } });
  await w.page.locator(".row").nth(2).waitFor();
  const sideways = () => w.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(await sideways(), 0);
  await w.page.evaluate(() => (document.documentElement.dir = "rtl"));
  assert.equal(await sideways(), 0);
  assert.equal(
    await w.page.locator("#account").evaluate((e) => getComputedStyle(e).direction),
    "ltr",
    "the words are English",
  );
  await w.page.getByRole("button", { name: /^Unlink Google, x/ }).click();
  assert.ok(await w.page.locator("dialog").evaluate((e) => e.scrollWidth <= e.clientWidth));
  await w.end();
});

test("what the server tells is on the page at once: a changed link, an ended session", async () => {
  const w = await visit();
  await w.page.waitForFunction(() => navigator.locks.query().then((l) => l.held.length === 1));
  bff.state.connections[0].status = "needs_reauth";
  bff.state.connections[0].reason = "revoked";
  await until("the page has its event stream", () => bff.streams.size);
  bff.say("connection.changed", bff.state.connections[0]);
  await w.page.getByText("access was taken back there").waitFor();
  bff.state.signedIn = false;
  bff.say("session.ended", { reason: "ended_elsewhere" });
  await w.page.getByText("This session was ended from another device.").first().waitFor();
  assert.equal(
    await w.page.getByRole("link", { name: "Continue with Google" }).getAttribute("href"),
    "/bff/login/google?return_to=%2Fbff%2Faccount%3Flang%3Den",
  );
  assert.equal(await w.page.evaluate(() => document.activeElement.textContent), "Sign in");
  await w.end();
});

for (const [code, words] of [
  ["access_denied", /You said no/],
  ["login_expired", /took too long/],
  ["login_failed", /could not be trusted/],
  ["provider_unavailable", /does not answer/],
  ["store_unavailable", /cannot reach its database/],
  ["wrong_account", /another account/],
  ["not_allowed", /may not sign in/],
  ["hook_failed", /could not check/],
  ["<img src=x onerror=alert(1)>", /did not work/],
]) {
  test(`?bff_error=${code} is said in words, once`, async () => {
    const w = await visit({}, {}, "/bff/account?lang=en&bff_error=" + encodeURIComponent(code));
    assert.match(await w.page.locator(".notice").first().innerText(), words);
    assert.equal(new URL(w.page.url()).search, "?lang=en");
    await w.page.getByRole("button", { name: "Dismiss" }).click();
    await w.page.reload();
    await w.page.locator(".card").first().waitFor();
    assert.equal(await w.page.locator(".account > .notice").count(), 0);
    await w.end();
  });
}

test("a browser that keeps no cookies is told so, and not that it was too slow", async () => {
  const w = await visit({}, {}, "/bff/account?lang=en");
  await w.page.addInitScript(withoutCookies);
  await w.page.goto(w.page.url() + "&bff_error=login_expired");
  await w.page.getByText("this browser keeps none of this page").waitFor();
  await w.end();
});

test("an outage is shown as one, and is no sign-out", async () => {
  const w = await visit({ outage: true });
  await w.page.getByText("You have not been signed out.").waitFor({ timeout: 10e3 });
  await w.check("outage");
  bff.state.outage = false;
  await w.page.getByRole("heading", { name: "Ada Lovelace" }).waitFor({ timeout: 10e3 });
  await w.end(/503/);
});

test("German for those who read it, and the other language is one click away", async () => {
  const w = await visit({}, { locale: "de-AT" });
  await w.page.getByRole("heading", { name: "Verknüpfte Konten" }).waitFor();
  assert.equal(await w.page.getAttribute("html", "lang"), "de");
  await w.page.getByText("Safari auf dem iPhone").waitFor();
  await w.check("German");
  await w.page.getByRole("link", { name: "English" }).click();
  await w.page.getByRole("heading", { name: "Linked accounts" }).waitFor();
  assert.equal(await w.page.getAttribute("html", "lang"), "en");
  await w.end();
});

test("every word exists in both languages", async () => {
  const { languages } = await import("../../account/words.js");
  const shape = (o) =>
    Object.entries(o).flatMap(([k, v]) =>
      typeof v === "object"
        ? shape(v).map((x) => k + "." + x)
        : [k + " " + [...String(v).matchAll(/\{\w+\}/g)].map(String).sort()],
    );
  assert.deepEqual(
    shape({ ...languages.de, device: "" }).map((x) => x.split(" ")[0]),
    shape({ ...languages.en, device: "" }).map((x) => x.split(" ")[0]),
  );
  const { allowed } = await import("../../account/scopes.js");
  assert.deepEqual(
    allowed(undefined, ["openid", "x:y", "https://www.googleapis.com/auth/drive"], "de").map((a) => a.words || a.scope),
    ["Alle Ihre Dateien sehen, ändern, anlegen und löschen", "Erkennen, dass Sie es sind", "x:y"],
  );
  /** @type {Record<string, [string, string, string]>} */
  const own = { repo: ["change", "See and change your repositories", "Ihre Repositorys sehen und ändern"] };
  assert.deepEqual(allowed(own, ["repo"], "en"), [{ kind: "change", words: "See and change your repositories" }]);
  assert.deepEqual(
    allowed(undefined, ["repo", "constructor"], "en"),
    [{ kind: "other", scope: "repo" }, { kind: "other", scope: "constructor" }],
    "one provider's word for it is not another's",
  );
  assert.deepEqual(allowed({}, ["constructor"], "en"), [{ kind: "other", scope: "constructor" }]);
});

test("the last page of a popup tells its tab and closes, or says what to do", async () => {
  const w = await visit();
  const id = await w.page.evaluate(() => {
    window.heard = [];
    new BroadcastChannel("bff").onmessage = ({ data }) => window.heard.push(data);
    const id = crypto.randomUUID();
    window.popup = open("/bff/account/done?bff_error=access_denied&id=" + id, "_blank", "popup");
    return id;
  });
  await w.page.waitForFunction(() => window.popup.closed);
  assert.deepEqual(await w.page.evaluate(() => window.heard.filter((d) => d.done || d.why === "connection")), [
    { done: id, error: "access_denied" },
    { why: "connection" },
  ]);
  await w.page.goto(bff.url + "/bff/account/done?id=nonsense&bff_error=%3Cb%3E");
  await w.page.getByText("You can close this window").waitFor();
  assert.match(await w.page.locator("main").innerText(), /could not be trusted/);
  await w.check("done");
  await w.end();
});

test("it weighs less than 100 kB in all, loads nothing twice, and asks nobody else", async () => {
  const w = await visit();
  await w.page.waitForLoadState();
  assert.ok(w.bytes() < 100e3, w.bytes() + " bytes");
  assert.ok(w.bytes() > 20e3, "the count counts");
  await w.end();
});

test("variables of the page's own style sheet change its colours", async () => {
  const w = await visit();
  await w.page.evaluate(() => document.documentElement.style.setProperty("--bff-accent", "rgb(1, 2, 3)"));
  assert.equal(
    await w.page
      .locator(".button.primary")
      .first()
      .evaluate((e) => getComputedStyle(e).backgroundColor),
    "rgb(1, 2, 3)",
  );
  await w.end();
});
