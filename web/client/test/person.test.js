import assert from "node:assert/strict";
import { test } from "node:test";
import { bff, visit } from "../fake/accountpage.js";
import { until } from "../fake/browser.js";
import { fresh } from "../fake/server.js";

test("rights stand there in the operator's own words, and what signs a person in beside them", async () => {
  const { connections } = fresh();
  connections[0].sign_in = true;
  connections[2].sign_in = false;
  const identities = [
    ...fresh().identities,
    { provider: "demo", title: "Demo", subject: "9", email: "old@example.com", sign_in: true },
  ];
  const w = await visit({ rights: ["editor", "Büro: Kassenprüfer"], connections, identities });
  assert.deepEqual(
    await w.page.getByRole("list", { name: "What you may do here" }).getByRole("listitem").allInnerTexts(),
    ["editor", "Büro: Kassenprüfer"],
  );
  const roles = await w.page.locator(".card h3").allInnerTexts();
  assert.deepEqual(
    roles.map((r) => r.replace(/\s+/g, " ")),
    ["Google Signed in with this", "Google", "GitHub Linked only"],
  );
  assert.match(
    await w.page.locator(".link-more.plain").innerText(),
    /You can also sign in with\s+\S*\s*Demo\s+old@example.com/,
  );
  await w.page.getByText("Registered Jan 2, 2026").waitFor();
  await w.check("rights and identities");
  await w.end();
});

test("what services did while nobody was there: which, with which account, when and why", async () => {
  const at = new Date(Date.now() - 3 * 3600e3).toISOString();
  const w = await visit({
    uses: [{ client: "worker", provider: "google", connection: "c_1", reason: "nightly copy", at }],
  });
  const row = w.page.getByRole("region", { name: "Used while you were away" }).getByRole("listitem");
  assert.match(await row.innerText(), /worker used Google, ada@example.com\s+3 hours ago: nightly copy/);
  await w.check("uses");
  await w.end();
});

test("two sessions of one browser look different", async () => {
  const sessions = fresh().sessions;
  sessions[1].device = sessions[2].device = "Firefox on Linux";
  sessions[1].front = "https://shop.example.org";
  const w = await visit({ sessions });
  const names = await w.page.locator(".row .button").evaluateAll((all) => all.map((b) => b.getAttribute("aria-label")));
  assert.equal(new Set(names).size, 2);
  for (const name of names) assert.match(name, /^Sign out Firefox on Linux, signed in .*\d:\d\d:\d\d/);
  assert.match(await w.page.locator(".row").nth(1).innerText(), /on shop\.example\.org/);
  await w.page.getByRole("button", { name: names[1] }).click();
  await w.page.getByText("Firefox on Linux is signed out.").first().waitFor();
  assert.deepEqual(
    bff.state.sessions.map((s) => s.id),
    ["s_1", "s_2"],
  );
  await w.end();
});

test("all that is kept can be downloaded as JSON", async () => {
  const w = await visit();
  const [file] = await Promise.all([
    w.page.waitForEvent("download"),
    w.page.getByRole("link", { name: "Download my data" }).click(),
  ]);
  assert.equal(file.suggestedFilename(), "account.json");
  const { createReadStream } = await import("node:fs"),
    { json } = await import("node:stream/consumers");
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
  assert.equal(
    query.pathname + query.search,
    "/bff/login/google?prompt=login&return_to=%2Fbff%2Faccount%3Flang%3Den%26erase%3D1",
  );
  await dialog.getByRole("button", { name: "Erase everything" }).waitFor();
  assert.equal(new URL(w.page.url()).search, "?lang=en", "a reload does not ask again");
  assert.equal(bff.state.signedIn, true);
  await until("the page has its event stream", () => bff.streams.size);
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
  {
    name: "legacy",
    title: "Legacy",
    connect_url: "/bff/connect/legacy",
    form: { fields: ["username", "password"], variables: [{ name: "host", ask: "Your server", pattern: "[a-z.]+" }] },
  },
  {
    name: "shop",
    title: "Shop",
    connect_url: "/bff/connect/shop",
    form: { fields: [], variables: [{ name: "shop", ask: "Your shop's name" }] },
  },
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
  assert.deepEqual(bff.state.posted, [
    ["/bff/connect/mailer", { return_to: "/bff/account?lang=en", api_key: "k-123" }],
  ]);
  await w.end();
});

test("a user name, a password and what the provider asks for; a dead link is repaired by the same form", async () => {
  const c = {
    id: "c_9",
    provider: "legacy",
    title: "Legacy",
    account: { subject: "ada" },
    status: "needs_reauth",
    reason: "unknown",
    scopes: [],
    connected_at: "2026-01-01T00:00:00Z",
  };
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
  const want = {
    return_to: "/bff/account?lang=en",
    connection: "c_9",
    "var.host": "mail.example",
    username: "ada",
    password: "secret",
  };
  assert.deepEqual(bff.state.posted, [["/bff/connect/legacy", want]]);
  await w.end();
});

test("where only a name is asked for, the way leads to the provider with it", async () => {
  const w = await visit({ moreProviders: keyed });
  await w.page.getByRole("button", { name: "Shop" }).click();
  await w.page.getByLabel("Your shop's name").fill("acme");
  const request = w.page.waitForRequest(/\/bff\/connect\/shop/);
  await w.page.getByRole("dialog").getByRole("button", { name: "Link" }).click();
  assert.deepEqual(Object.fromEntries(new URL((await request).url()).searchParams), {
    return_to: "/bff/account?lang=en",
    "var.shop": "acme",
  });
  await w.end();
});

test("forced colours keep every button, field and state visible", async () => {
  const w = await visit({ moreProviders: keyed, rights: ["editor"] }, { forcedColors: "active" });
  await w.page.getByRole("button", { name: "Mailer" }).click();
  for (const selector of [".card .pill", ".rights .pill", ".row .button", ".ask input", ".ask .button.primary"]) {
    const width = await w.page
      .locator(selector)
      .first()
      .evaluate((e) => getComputedStyle(e).borderTopWidth);
    assert.notEqual(width, "0px", selector);
  }
  await w.end();
});

test("a page of one's own that the account is mounted into keeps its looks", async () => {
  const styles = ["body", "h1", "p", "ul", "button", "a", "input", ".button", ".card", ".notice"];
  const own =
    "<!doctype html><html><head><title>own</title><link rel=icon href=data:,></head><body><h1>H</h1><p>p</p><ul><li>l</ul>" +
    "<button>b</button><a href=#>a</a><input><div class=button>x</div><div class=card>y</div>" +
    "<div class=notice>z</div><div id=here></div></body></html>";
  const w = await visit({ files: { "/own": ["text/html", own] } }, { colorScheme: "dark" }, "/own");
  const looks = () =>
    w.page.evaluate(
      (list) =>
        ["html", ...list].map((s) => {
          const all = getComputedStyle(document.querySelector(s));
          return [
            s,
            ...[...all]
              .filter((k) => !k.startsWith("--") && !/block-size|height|origin/.test(k))
              .map((k) => k + ": " + all.getPropertyValue(k)),
          ];
        }),
      styles,
    );
  const before = await looks();
  await w.page.evaluate(async () => {
    const sheets = ["tokens", "account", "theme"].map(
      (name) =>
        new Promise((ready) => {
          const link = Object.assign(document.createElement("link"), {
            rel: "stylesheet",
            href: `/bff/account/${name}.css`,
            onload: ready,
          });
          document.head.append(link);
        }),
    );
    const [{ createClient }, { mount }] = await Promise.all([
      import("/bff/client.js"),
      import("/bff/account/account.js"),
    ]);
    await Promise.all(sheets);
    mount(document.querySelector("#here"), { client: createClient(), lang: "en" });
  });
  await w.page.getByRole("heading", { name: "Linked accounts" }).waitFor();
  assert.notEqual(
    await w.page
      .locator("#here .card")
      .first()
      .evaluate((e) => getComputedStyle(e).borderTopWidth),
    "0px",
    "ours has its own",
  );
  const after = await looks();
  for (let i = 0; i < before.length; i++)
    assert.deepEqual(
      after[i].filter((x) => !before[i].includes(x)),
      [],
      after[i][0],
    );
  await w.end();
});
