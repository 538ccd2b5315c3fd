import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { launch, watched } from "../fake/browser.js";
import { fresh, serve } from "../fake/server.js";

let browser, bff, open;
before(async () => {
  browser = await launch();
  bff = await serve();
});
after(async () => {
  await browser.close();
  bff.close();
});
afterEach(async () => {
  await open?.context.close();
  open = undefined;
});

async function visit(state = {}, options = {}, path = "/bff/account") {
  Object.assign(bff.state, fresh(), state);
  const w = open = await watched(browser, bff.url, options);
  await w.page.goto(bff.url + path);
  await w.page.locator("h1:visible, .done h1").first().waitFor();
  return w;
}

for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of [["phone", { width: 360, height: 740 }], ["desktop", { width: 1180, height: 900 }]]) {
    test(`axe finds nothing on a ${size} in ${colorScheme}: signed in, asking, signed out`, async () => {
      const w = await visit({}, { colorScheme, viewport });
      await w.page.getByRole("button", { name: "Sign out Safari on iPhone" }).waitFor();
      await w.check("signed in");
      assert.ok(await w.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out sideways");
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
  assert.deepEqual(await google.locator(".may li").allInnerTexts(), ["Work with the files you open or create with this app", "See all your calendars and events",
    "Know that it is you", "See your email address", "See your name and profile"]);
  assert.equal(await w.page.locator(".may code").innerText(), "codespace:secrets");
  await w.end();
});

test("a dead link says why and how to repair it, with the same account pinned", async () => {
  const w = await visit();
  assert.match(await w.page.locator(".card .notice").innerText(), /Your organisation wants you to sign in at Google again/);
  assert.deepEqual(await w.page.locator(".may > p").allInnerTexts(), ["This application may", "Once it is linked again, this application may", "This application may"]);
  assert.equal(await w.page.getByRole("link", { name: /Link again: Google, ada.lovelace@/ }).getAttribute("href"),
    "/bff/connect/google?connection=c_2&return_to=%2Fbff%2Faccount%3Flang%3Den");
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
  assert.deepEqual(bff.state.connections.map((c) => c.id), ["c_1", "c_2"]);
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

test("devices end one by one, or all others at once", async () => {
  const w = await visit();
  await w.page.getByRole("button", { name: "Sign out Edge on Windows" }).click();
  await w.page.getByText("Edge on Windows is signed out.").first().waitFor();
  assert.deepEqual(bff.state.sessions.map((s) => s.id), ["s_1", "s_2"]);
  bff.state.sessions = fresh().sessions;
  await w.page.reload();
  await w.page.getByRole("button", { name: "Sign out all other devices" }).click();
  await w.page.getByRole("dialog").getByRole("button", { name: "Sign out all other devices" }).click();
  await w.page.getByText("You are signed in on this device only.").waitFor();
  assert.deepEqual(bff.state.sessions.map((s) => s.id), ["s_1"]);
  await w.end();
});

test("this device comes first, and is in use now", async () => {
  const w = await visit({ sessions: fresh().sessions.reverse() });
  await w.page.locator(".row").nth(2).waitFor();
  assert.match(await w.page.locator(".row").first().innerText(), /^Firefox on Linux\s+This device\s+signed in 10 hours ago, active now$/);
  await w.end();
});

test("names without a place to break, 320 pixels, a page that reads from right to left: nothing sticks out, nothing is mixed up", async () => {
  const long = fresh(), endless = "x".repeat(90);
  long.connections[0].account.email = endless + "@" + endless + ".example.com";
  long.connections[1].title = endless;
  long.sessions[1].device = endless;
  const w = await visit(long, { viewport: { width: 320, height: 640 } });
  await w.page.locator(".row").nth(2).waitFor();
  const sideways = () => w.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.equal(await sideways(), 0);
  await w.page.evaluate(() => document.documentElement.dir = "rtl");
  assert.equal(await sideways(), 0);
  assert.equal(await w.page.locator("#account").evaluate((e) => getComputedStyle(e).direction), "ltr", "the words are English");
  await w.page.getByRole("button", { name: /^Unlink Google, x/ }).click();
  assert.ok(await w.page.locator("dialog").evaluate((e) => e.scrollWidth <= e.clientWidth));
  await w.end();
});

test("what the server tells is on the page at once: a changed link, an ended session", async () => {
  const w = await visit();
  await w.page.waitForFunction(() => navigator.locks.query().then((l) => l.held.length === 1));
  bff.state.connections[0].status = "needs_reauth";
  bff.state.connections[0].reason = "revoked";
  while (!bff.streams.size) await new Promise((r) => setTimeout(r, 10));
  bff.say("connection.changed", bff.state.connections[0]);
  await w.page.getByText("access was taken back there").waitFor();
  bff.state.signedIn = false;
  bff.say("session.ended", { reason: "ended_elsewhere" });
  await w.page.getByText("This session was ended from another device.").first().waitFor();
  assert.equal(await w.page.getByRole("link", { name: "Continue with Google" }).getAttribute("href"), "/bff/login/google?return_to=%2Fbff%2Faccount%3Flang%3Den");
  assert.equal(await w.page.evaluate(() => document.activeElement.textContent), "Sign in");
  await w.end();
});

for (const [code, words] of [["access_denied", /You said no/], ["login_expired", /took too long/], ["login_failed", /could not be trusted/], ["provider_unavailable", /does not answer/],
  ["store_unavailable", /cannot reach its database/], ["wrong_account", /another account/], ["not_allowed", /may not sign in/], ["hook_failed", /could not check/], ["<img src=x onerror=alert(1)>", /did not work/]]) {
  test(`?bff_error=${code} is told in words, once`, async () => {
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

test("an outage is told as one, and is no sign-out", async () => {
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
  const shape = (o) => Object.entries(o).flatMap(([k, v]) => typeof v === "object" ? shape(v).map((x) => k + "." + x) : [k + " " + [...String(v).matchAll(/\{\w+\}/g)].map(String).sort()]);
  assert.deepEqual(shape({ ...languages.de, device: "" }).map((x) => x.split(" ")[0]), shape({ ...languages.en, device: "" }).map((x) => x.split(" ")[0]));
  const { allowed } = await import("../../account/scopes.js");
  assert.deepEqual(allowed("google", ["openid", "x:y", "https://www.googleapis.com/auth/drive"], "de").map((a) => a.words || a.scope),
    ["Alle Ihre Dateien sehen, ändern, anlegen und löschen", "Erkennen, dass Sie es sind", "x:y"]);
  assert.deepEqual(allowed("acme", ["repo"], "en"), [{ kind: "other", scope: "repo" }], "GitHub's word for it is not acme's");
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
  assert.deepEqual(await w.page.evaluate(() => window.heard.filter((d) => d.done || d.why === "connection")), [{ done: id, error: "access_denied" }, { why: "connection" }]);
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
  assert.equal(await w.page.locator(".button.primary").first().evaluate((e) => getComputedStyle(e).backgroundColor), "rgb(1, 2, 3)");
  await w.end();
});

test("rights stand there in the operator's own words, and what signs a person in is told from what is only linked", async () => {
  const { connections } = fresh();
  connections[0].sign_in = true;
  connections[2].sign_in = false;
  const identities = [...fresh().identities, { provider: "demo", title: "Demo", subject: "9", email: "old@example.com", sign_in: true }];
  const w = await visit({ rights: ["editor", "Büro: Kassenprüfer"], connections, identities });
  assert.deepEqual(await w.page.getByRole("list", { name: "What you may do here" }).getByRole("listitem").allInnerTexts(),
    ["editor", "Büro: Kassenprüfer"]);
  const roles = await w.page.locator(".card h3").allInnerTexts();
  assert.deepEqual(roles.map((r) => r.replace(/\s+/g, " ")), ["Google Signed in with this", "Google", "GitHub Linked only"]);
  assert.match(await w.page.locator(".link-more.plain").innerText(), /You can also sign in with\s+\S*\s*Demo\s+old@example.com/);
  await w.page.getByText("Registered Jan 2, 2026").waitFor();
  await w.check("rights and identities");
  await w.end();
});

test("what services did while nobody was there: which, with which account, when and why", async () => {
  const at = new Date(Date.now() - 3 * 3600e3).toISOString();
  const w = await visit({ uses: [{ client: "worker", provider: "google", connection: "c_1", reason: "nightly copy", at }] });
  const row = w.page.getByRole("region", { name: "Used while you were away" }).getByRole("listitem");
  assert.match(await row.innerText(), /worker used Google, ada@example.com\s+3 hours ago: nightly copy/);
  await w.check("uses");
  await w.end();
});

test("two sessions of one browser can be told apart", async () => {
  const sessions = fresh().sessions;
  sessions[1].device = sessions[2].device = "Firefox on Linux";
  sessions[1].provider = "github";
  const w = await visit({ sessions });
  const names = await w.page.locator(".row .button").evaluateAll((all) => all.map((b) => b.getAttribute("aria-label")));
  assert.equal(new Set(names).size, 2);
  for (const name of names) assert.match(name, /^Sign out Firefox on Linux, signed in .*\d:\d\d:\d\d/);
  assert.match(await w.page.locator(".row").nth(1).innerText(), /with GitHub/);
  await w.page.getByRole("button", { name: names[1] }).click();
  await w.page.getByText("Firefox on Linux is signed out.").first().waitFor();
  assert.deepEqual(bff.state.sessions.map((s) => s.id), ["s_1", "s_2"]);
  await w.end();
});

test("all that is kept can be downloaded as JSON", async () => {
  const w = await visit();
  const [file] = await Promise.all([w.page.waitForEvent("download"), w.page.getByRole("link", { name: "Download my data" }).click()]);
  assert.equal(file.suggestedFilename(), "account.json");
  const { createReadStream } = await import("node:fs"), { json } = await import("node:stream/consumers");
  const kept = await json(createReadStream(await file.path()));
  assert.deepEqual(Object.keys(kept), ["user", "identities", "connections", "sessions", "preferences", "uses"]);
  await w.end();
});

test("the account is erased only after signing in again, and the page says that it is gone", async () => {
  const w = await visit();
  await w.page.getByRole("button", { name: "Erase this account" }).click();
  const dialog = w.page.getByRole("dialog", { name: "Erase the account of Ada Lovelace?" });
  assert.match(await dialog.innerText(), /sign in again first/);
  await w.check("asked to sign in again");
  const login = w.page.waitForRequest(/\/bff\/login\//);
  await dialog.getByRole("button", { name: "Sign in again" }).click();
  const query = new URL((await login).url());
  assert.equal(query.pathname + query.search, "/bff/login/google?prompt=login&return_to=%2Fbff%2Faccount%3Flang%3Den%26erase%3D1");
  await dialog.getByRole("button", { name: "Erase everything" }).waitFor();
  assert.equal(new URL(w.page.url()).search, "?lang=en", "a reload does not ask again");
  assert.equal(bff.state.signedIn, true);
  while (!bff.streams.size) await new Promise((r) => setTimeout(r, 10));
  await dialog.getByRole("button", { name: "Erase everything" }).click();
  await w.page.getByText("all that was kept of it here are erased").first().waitFor();
  assert.equal(bff.state.signedIn, false);
  await w.check("erased");
  await w.end();
});

test("a sign-in that the server finds too old goes to sign in again; saying no changes nothing", async () => {
  const w = await visit({ created: new Date().toISOString() });
  await w.page.getByRole("button", { name: "Erase this account" }).click();
  await w.page.getByRole("button", { name: "Cancel" }).click();
  assert.equal(bff.state.signedIn, true);
  await w.page.getByRole("button", { name: "Erase this account" }).click();
  bff.state.created = "2026-01-01T00:00:00Z";
  const login = w.page.waitForRequest(/\/bff\/login\/google\?prompt=login/);
  await w.page.getByRole("button", { name: "Erase everything" }).click();
  await login;
  assert.equal(bff.state.signedIn, true);
  await w.end(/401/);
});

test("a link with ?erase=1 from somewhere erases nothing by itself", async () => {
  const w = await visit({ created: new Date().toISOString() }, {}, "/bff/account?erase=1");
  await w.page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  assert.equal(bff.state.signedIn, true);
  await w.end();
});

test("the application has its name and its mark", async () => {
  const w = await visit({ app: { name: "Acme Planner", logo: "logo.svg" } });
  await w.page.getByRole("link", { name: "Back to Acme Planner" }).waitFor();
  assert.ok(await w.page.locator(".logo").evaluate((i) => i.decode().then(() => i.naturalWidth > 0)));
  assert.equal(await w.page.title(), "Your account · Acme Planner");
  assert.equal(await w.page.locator(".may > p").first().innerText(), "Acme Planner may");
  await w.check("with a name");
  await w.page.getByRole("link", { name: "Deutsch" }).click();
  await w.page.getByText("Acme Planner darf").first().waitFor();
  await w.end();
});

const keyed = [
  { name: "mailer", title: "Mailer", connect_url: "/bff/connect/mailer", form: { fields: ["api_key"] } },
  { name: "legacy", title: "Legacy", connect_url: "/bff/connect/legacy", form: { fields: ["username", "password"],
    variables: [{ name: "host", ask: "Your server", pattern: "[a-z.]+" }] } },
  { name: "shop", title: "Shop", connect_url: "/bff/connect/shop", form: { fields: [],
    variables: [{ name: "shop", ask: "Your shop's name" }] } },
];

test("an API key is typed into a form, posted once, and shown never", async () => {
  const w = await visit({ moreProviders: keyed });
  await w.page.getByRole("button", { name: "Mailer" }).click();
  const dialog = w.page.getByRole("dialog", { name: "Link Mailer" });
  assert.equal(await dialog.getByLabel("API key").getAttribute("type"), "password");
  assert.equal(await dialog.getByLabel("API key").getAttribute("autocomplete"), "off");
  await w.check("form");
  await dialog.getByLabel("API key").fill("k-123");
  await dialog.getByRole("button", { name: "Link" }).click();
  await w.page.waitForURL(bff.url + "/bff/account?lang=en");
  assert.deepEqual(bff.state.posted, [["/bff/connect/mailer", { return_to: "/bff/account?lang=en", api_key: "k-123" }]]);
  await w.end();
});

test("a user name, a password and what the provider asks for; a dead link is repaired by the same form", async () => {
  const c = { id: "c_9", provider: "legacy", title: "Legacy", account: { subject: "ada" }, status: "needs_reauth", reason: "unknown",
    scopes: [], connected_at: "2026-01-01T00:00:00Z" };
  const w = await visit({ moreProviders: keyed, connections: [c] });
  await w.page.getByRole("button", { name: "Link again: Legacy, ada" }).click();
  const dialog = w.page.getByRole("dialog", { name: "Link Legacy" });
  await dialog.getByLabel("Your server").fill("UPPER");
  await dialog.getByLabel("User name").fill("ada");
  await dialog.getByLabel("Password").fill("secret");
  await dialog.getByRole("button", { name: "Link" }).click();
  assert.equal(bff.state.posted.length, 0, "the pattern is held");
  await dialog.getByLabel("Your server").fill("mail.example");
  await dialog.getByRole("button", { name: "Link" }).click();
  await w.page.waitForURL(bff.url + "/bff/account?lang=en");
  const want = { return_to: "/bff/account?lang=en", connection: "c_9", "var.host": "mail.example", username: "ada", password: "secret" };
  assert.deepEqual(bff.state.posted, [["/bff/connect/legacy", want]]);
  await w.end();
});

test("where only a name is asked for, the way leads to the provider with it", async () => {
  const w = await visit({ moreProviders: keyed });
  await w.page.getByRole("button", { name: "Shop" }).click();
  await w.page.getByLabel("Your shop's name").fill("acme");
  const request = w.page.waitForRequest(/\/bff\/connect\/shop/);
  await w.page.getByRole("dialog").getByRole("button", { name: "Link" }).click();
  assert.deepEqual(Object.fromEntries(new URL((await request).url()).searchParams), { return_to: "/bff/account?lang=en", "var.shop": "acme" });
  await w.end();
});

test("forced colours keep every button, field and state visible", async () => {
  const w = await visit({ moreProviders: keyed, rights: ["editor"] }, { forcedColors: "active" });
  await w.page.getByRole("button", { name: "Mailer" }).click();
  for (const selector of [".card .pill", ".rights .pill", ".row .button", ".ask input", ".ask .button.primary"]) {
    const width = await w.page.locator(selector).first().evaluate((e) => getComputedStyle(e).borderTopWidth);
    assert.notEqual(width, "0px", selector);
  }
  await w.end();
});

test("a page of one's own that the account is mounted into keeps its looks", async () => {
  const styles = ["body", "h1", "p", "ul", "button", "a", "input", ".button", ".card", ".notice"];
  const own = "<!doctype html><html><head><title>own</title><link rel=icon href=data:,></head><body><h1>H</h1><p>p</p><ul><li>l</ul>" +
    "<button>b</button><a href=#>a</a><input><div class=button>x</div><div class=card>y</div><div class=notice>z</div><div id=here></div></body></html>";
  const w = await visit({ files: { "/own": ["text/html", own] } }, { colorScheme: "dark" }, "/own");
  const looks = () => w.page.evaluate((list) => ["html", ...list].map((s) => {
    const all = getComputedStyle(document.querySelector(s));
    return [s, ...[...all].filter((k) => !k.startsWith("--") && !/block-size|height|origin/.test(k)).map((k) => k + ": " + all.getPropertyValue(k))];
  }), styles);
  const before = await looks();
  await w.page.evaluate(async () => {
    const sheets = ["tokens", "account", "theme"].map((name) => new Promise((ready) => {
      const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `/bff/account/${name}.css`, onload: ready });
      document.head.append(link);
    }));
    const [{ createClient }, { mount }] = await Promise.all([import("/bff/client.js"), import("/bff/account/account.js")]);
    await Promise.all(sheets);
    mount(document.querySelector("#here"), { client: createClient(), lang: "en" });
  });
  await w.page.getByRole("heading", { name: "Linked accounts" }).waitFor();
  assert.notEqual(await w.page.locator("#here .card").first().evaluate((e) => getComputedStyle(e).borderTopWidth), "0px", "ours has its own");
  const after = await looks();
  for (let i = 0; i < before.length; i++) assert.deepEqual(after[i].filter((x) => !before[i].includes(x)), [], after[i][0]);
  await w.end();
});
