import assert from "node:assert/strict";
import { test } from "node:test";
import { agree, bff, browser, inPopup, visit, watch, week } from "../fake/demopage.js";
import { signIn } from "../fake/dev.js";

test("without an account the session goes on, and says so", async () => {
  const w = await visit();
  await week(w.page, "Ada").getByText("200 in").waitFor();
  await w.page.evaluate(async () => {
    const { connections } = await (await fetch("/bff/connections")).json();
    for (const c of connections) await fetch("/bff/connections/" + c.id, { method: "DELETE" });
  });
  await w.page.getByText("you are still signed in").waitFor();
  await w.page.getByText("no account, no token").waitFor();
  assert.equal(await w.page.locator("#do-expire").isDisabled(), true);
  assert.match(await w.page.locator("#do-expire").innerText(), /Link an account first/);
  assert.equal(await w.page.locator("#do-end-elsewhere").isDisabled(), false);
  assert.equal(await w.page.locator("progress").count(), 0);
  await w.check("no account");
  await w.end();
});

for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of [
    ["phone", { width: 360, height: 740 }],
    ["desktop", { width: 1360, height: 900 }],
  ]) {
    test(`axe finds nothing on a ${size} in ${colorScheme}: before and after sign-in, in trouble`, async () => {
      const w = await visit({ person: "", colorScheme, viewport });
      await w.check("signed out");
      await signIn(w.context, bff.url);
      await w.page.reload();
      await week(w.page, "Ada").getByText("200 in").waitFor();
      await w.check("signed in");
      assert.ok(
        await w.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        "nothing sticks out sideways",
      );
      await w.page.getByRole("button", { name: /Provider down/ }).click();
      await w.page.locator("#banner", { hasText: "The provider is down" }).waitFor();
      await w.check("provider down");
      await w.page.getByRole("button", { name: /Bring the provider back/ }).click();
      await w.page.getByRole("button", { name: /Revoke at the provider/ }).click();
      await w.page.getByText("This link needs you.").waitFor();
      await w.check("needs you");
      await w.end(/403|503/);
    });
  }
}

test("a person signs in, and the page says what the browser holds", async () => {
  const w = await visit({ person: "", provider: true });
  await w.page.locator("#sign-in").click();
  await agree(w.page, "Ada Lovelace");
  await week(w.page, "Ada").getByText("Breakfast with Charles").waitFor();
  await w.page.getByText(/^1 cookie, \d+ bytes$/).waitFor();
  assert.deepEqual(await w.page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]), [
    "",
    0,
    0,
  ]);
  const cookies = await w.context.cookies(bff.url);
  assert.deepEqual(
    cookies.map((c) => [c.name, c.httpOnly, c.sameSite]),
    [["bff", true, "Strict"]],
  );
  assert.match(
    await w.page.locator(".box .big").first().innerText(),
    new RegExp(`^1 cookie, ${cookies[0].name.length + 1 + cookies[0].value.length} bytes$`),
  );
  await w.end();
});

test("saying no at the provider comes back with words", async () => {
  const w = await visit({ person: "", provider: true });
  await w.page.locator("#sign-in").click();
  await w.page.getByRole("button", { name: "Cancel" }).click();
  await w.page.getByText("You said no at the provider.").waitFor();
  assert.equal(new URL(w.page.url()).search, "");
  await w.end();
});

test("an expired token is renewed by the server, and the page sees 200", async () => {
  const w = await visit();
  await week(w.page, "Ada").getByText("200 in").waitFor();
  const before = Number(await w.page.locator("#renewals").innerText());
  await w.page.getByRole("button", { name: /Expire the token now/ }).click();
  await w.page.waitForFunction((n) => Number(document.querySelector("#renewals").textContent) > n, before);
  await w.end(); // no 401, no 403 in the console either
});

test("another person is linked in a popup and stands beside the first", async () => {
  const w = await visit({ provider: true });
  await inPopup(w.page, () => w.page.locator("#link").click(), "Grace Hopper");
  await week(w.page, "Grace").getByText("COBOL committee").waitFor();
  await week(w.page, "Ada").getByText("Breakfast with Charles").waitFor();
  assert.deepEqual(
    (await (await w.context.request.get(bff.url + "/bff/session")).json()).connections.map((c) => c.account.name),
    ["Ada Lovelace", "Grace Hopper"],
  );
  await w.end();
});

test("a popup survives a provider that cuts window.opener (COOP)", async () => {
  const w = await visit({ provider: true });
  let cut = 0;
  await w.context.route(bff.provider + "/**", async (route) => {
    const answer = await route.fetch({ maxRedirects: 0 });
    cut++;
    await route.fulfill({
      response: answer,
      headers: { ...answer.headers(), "cross-origin-opener-policy": "same-origin" },
    });
  });
  await inPopup(w.page, () => w.page.locator("#link").click(), "Linus Torvalds");
  await week(w.page, "Linus").getByText("Merge window").first().waitFor();
  assert.ok(cut > 0);
  await w.end();
});

test("a blocked popup becomes a redirect that comes back to where the person was", async () => {
  const w = await visit({ provider: true, path: "/?here=1#there" });
  await w.page.evaluate(() => (window.open = () => null));
  await w.page.locator("#link").click();
  await agree(w.page, "Grace Hopper");
  await week(w.page, "Grace").getByText("COBOL committee").waitFor();
  assert.equal(w.page.url(), bff.url + "/?here=1#there");
  await w.end();
});

test("a popup that the person closes leaves everything as it was", async () => {
  const w = await visit({ provider: true });
  const [popup] = await Promise.all([w.page.waitForEvent("popup"), w.page.locator("#open-files").click()]);
  await popup.waitForURL(bff.provider + "/**");
  await popup.close();
  await w.page.evaluate(() => dispatchEvent(new Event("focus")));
  await w.page.getByText("You said no. The app goes on without files.").waitFor();
  await w.end(/403/);
});

test("a feature that needs one more permission asks for it, then goes on by itself", async () => {
  const w = await visit({ provider: true });
  await inPopup(w.page, () => w.page.locator("#open-files").click(), "Ada Lovelace");
  const files = w.page.getByRole("region", { name: "Ada's files" });
  await files.getByRole("link", { name: "Numbers.csv" }).waitFor();
  assert.equal(await files.getByText("Needs one more permission").count(), 0);
  await files.getByText("You allowed this when it was wanted.").waitFor();
  const [download] = await Promise.all([
    w.page.waitForEvent("download"),
    files.getByRole("link", { name: "Shopping list.txt" }).click(),
  ]);
  assert.equal(await download.failure(), null);
  await w.end(/403/); // the one that says what is missing
});

test(
  "the provider is down: the token serves to its end, then 503, and nobody is signed out",
  { timeout: 90e3 },
  async () => {
    const w = await visit();
    await week(w.page, "Ada").getByText("200 in").waitFor();
    await w.page.getByRole("button", { name: /Provider down/ }).click();
    await w.page.locator("#banner", { hasText: "Still working with the token the server has" }).waitFor();
    await week(w.page, "Ada").getByText("503 provider_unavailable").waitFor({ timeout: 60e3 });
    await w.page.locator("#banner", { hasText: "You are still signed in" }).waitFor();
    await week(w.page, "Ada").getByText("Breakfast with Charles").waitFor();
    await w.page.getByRole("button", { name: /Bring the provider back/ }).click();
    await week(w.page, "Ada").getByText("200 in").waitFor({ timeout: 60e3 });
    await w.end(/503/);
  },
);

test("access revoked at the provider: the link needs the person, the session lives, one click repairs it", async () => {
  const w = await visit({ provider: true });
  await week(w.page, "Ada").getByText("200 in").waitFor();
  await w.page.getByRole("button", { name: /Revoke at the provider/ }).click();
  const repair = w.page.getByRole("button", { name: "Link Ada again" });
  await repair.waitFor();
  await w.page.getByText("Ada's token is gone").waitFor();
  await week(w.page, "Ada").getByText("403 needs_reauth").waitFor();
  assert.equal(await w.page.locator("progress").count(), 0, "no time is left of a token that is not there");
  await inPopup(w.page, () => repair.click(), "Ada Lovelace");
  await repair.waitFor({ state: "detached" });
  await week(w.page, "Ada").getByText("200 in").waitFor();
  await w.end(/403/);
});

test("signed out elsewhere: every tab knows, and says why", async () => {
  const w = await visit();
  const other = await w.context.newPage();
  await other.goto(bff.url + "/bff/account");
  await other.getByRole("heading", { name: "Ada Lovelace" }).waitFor();
  await w.page.getByRole("button", { name: /Sign me out elsewhere/ }).click();
  await w.page.getByText("The provider reported that you signed out elsewhere").waitFor();
  await other.getByText("Your account's provider ended this session.").first().waitFor();
  await w.end(/status of 401/); // of a call that was under way when the session ended
});

test("signing in or out in one tab is seen in the other", async () => {
  const w = await visit({ person: "", provider: true });
  const other = await w.context.newPage();
  await other.goto(bff.url);
  await other.locator("#sign-in").waitFor();
  await w.page.locator("#sign-in").click();
  await agree(w.page, "Linus Torvalds");
  await other.locator("#sign-out").click();
  await w.page.locator("#sign-in").waitFor();
  await w.page.getByText("You signed out.").waitFor();
  await w.end(/status of 401/); // of a call that was under way when the other tab signed out
});

test("back after signing out shows nobody", async () => {
  const w = await visit();
  await w.page.goto(bff.url + "/bff/account");
  await w.page.getByRole("button", { name: "Sign out", exact: true }).click();
  await w.page.getByRole("link", { name: "Continue with Demo" }).waitFor();
  await w.page.goBack();
  await w.page.locator("#sign-in").waitFor();
  assert.equal(await week(w.page, "Ada").count(), 0);
  assert.equal(await w.page.locator("#app").innerText(), "");
  await w.end();
});

test("the account page of the real bff: unlink, devices, a way back that failed", async () => {
  const w = await visit({ provider: true, path: "/" });
  const elsewhere = await browser.newContext({
    userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
  });
  await signIn(elsewhere, bff.url);
  await w.page.goto(bff.url + "/bff/account");
  await w.page.getByText("See all your calendars and events").waitFor();
  const end = w.page.getByRole("button", { name: "Sign out Safari on iPhone" });
  await end.click();
  await end.waitFor({ state: "detached" });
  assert.equal((await (await elsewhere.request.get(bff.url + "/bff/session")).json()).authenticated, false);
  await elsewhere.close();
  await w.page.getByRole("listitem").getByRole("link", { name: "Demo" }).click();
  await w.page.getByRole("button", { name: "Cancel" }).click();
  await w.page.getByText("You said no at the provider").waitFor();
  await w.page.getByRole("button", { name: "Unlink Demo, ada@example.com" }).click();
  await w.page.getByRole("dialog").getByRole("button", { name: "Unlink" }).click();
  await w.page.getByText("No account is linked.").waitFor();
  await w.check("the real account page");
  await w.end();
});

test("its first visit is under 100 kB in all", async () => {
  const w = await visit({ person: "" });
  await w.page.waitForLoadState();
  assert.ok(w.bytes() < 100e3 && w.bytes() > 20e3, w.bytes() + " bytes");
  await w.end();
});

test("the recipe of docs/testing.md: a session by one request, for a page on another port", async () => {
  const { createServer, request } = await import("node:http");
  const front = createServer((q, r) => {
    // what a dev server's proxy does
    if (q.url === "/")
      return r
        .writeHead(200, { "Content-Type": "text/html" })
        .end("<!doctype html><title>app</title><link rel=icon href=data:,>");
    q.pipe(
      request(bff.url + q.url, { method: q.method, headers: q.headers }, (up) =>
        up.pipe(r.writeHead(up.statusCode, up.headers)),
      ),
    );
  });
  await new Promise((ready) => front.listen(0, "127.0.0.1", ready));
  const url = "http://127.0.0.1:" + front.address().port;
  const w = await watch(url);
  await signIn(w.context, bff.url, "grace");
  await w.page.goto(url);
  const seen = await w.page.evaluate(async () => {
    const { createClient } = await import("/bff/client.js");
    const bff = createClient();
    const answer = await bff.fetch("/api/calendar/calendars/primary/events");
    return [(await bff.getSession()).user.name, answer.status, (await answer.json()).items.length > 0];
  });
  assert.deepEqual(seen, ["Grace Hopper", 200, true]);
  await w.end();
  front.closeAllConnections();
  front.close();
});

test("the account can be mounted into a page of one's own, in its own colours", async () => {
  const w = await visit();
  await w.page.route(bff.url + "/own", (r) =>
    r.fulfill({ contentType: "text/html", body: "<!doctype html><title>own</title><link rel=icon href=data:,>" }),
  );
  await w.page.goto(bff.url + "/own");
  // What the page has beside the account looks as it did before the style sheets came.
  const look = () =>
    w.page.evaluate(() =>
      ["html", "body", ...document.querySelectorAll("#page *")].map((at) => {
        const e = typeof at === "string" ? document.querySelector(at) : at;
        const style = getComputedStyle(e);
        const own = [...style].filter((k) => !/--bff|size|width|height|origin/.test(k));
        return [e.tagName, ...own.map((k) => `${k}: ${style[k]}`)];
      }),
    );
  await w.page.evaluate(() => {
    const page = document.createElement("section");
    page.id = "page";
    for (const name of "h1 h2 p a button input select ul li form label dialog svg code".split(" "))
      page.append(document.createElement(name));
    for (const name of "card row button pill top notice soft account mark ask".split(" "))
      page.append(Object.assign(document.createElement("div"), { className: name, textContent: name }));
    page.querySelector("a").href = "/elsewhere";
    document.body.append(page);
  });
  const before = await look();
  await w.page.evaluate(async () => {
    for (const name of ["tokens", "account"])
      document.head.append(
        Object.assign(document.createElement("link"), { rel: "stylesheet", href: `/bff/account/${name}.css` }),
      );
    const place = document.createElement("div");
    document.body.prepend(place);
    const [{ createClient }, { mount }] = await Promise.all([
      import("/bff/client.js"),
      import("/bff/account/account.js"),
    ]);
    window.unmount = mount(place, { client: createClient(), lang: "de" });
  });
  await w.page.getByRole("heading", { name: "Verknüpfte Konten" }).waitFor();
  assert.equal(await w.page.locator("main, header.top").count(), 0, "landmarks and navigation are the page's own");
  assert.deepEqual(await look(), before, "the page's own styles changed");
  await w.page.evaluate(() => window.unmount());
  assert.equal(await w.page.locator("body > div").innerHTML(), "");
  await w.end();
});
