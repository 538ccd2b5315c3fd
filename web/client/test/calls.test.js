import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { BFFError, ConsentRequiredError, LoginRequiredError, ReconnectRequiredError, createClient } from "../client.js";
import { done, leave, listen, page, problem, settle, signedIn } from "../fake/page.js";

const login = { kind: "login", url: "/bff/login/demo" };
const consent = { kind: "connect", url: "/bff/connect/demo?connection=c_1&scopes=files%20more" };

afterEach(leave);

test("there is no getToken", () => {
  page();
  assert.deepEqual(Object.keys(createClient()).sort(), [
    "connect",
    "disconnect",
    "fetch",
    "getPreferences",
    "getSession",
    "listConnections",
    "listSessions",
    "login",
    "logout",
    "onAuthStateChange",
    "onPreferencesChange",
    "revokeSession",
    "setPreferences",
  ]);
});

test("a client can be made where there is no page", async () => {
  page();
  for (const k of ["location", "document", "navigator"]) delete globalThis[k];
  assert.ok(createClient());
});

for (const [name, call, want] of [
  ["listConnections", (c) => c.listConnections(), ["GET /bff/connections"]],
  ["listSessions", (c) => c.listSessions(), ["GET /bff/sessions"]],
  ["disconnect", (c) => c.disconnect("c_1"), ["DELETE /bff/connections/c_1"]],
  ["revokeSession of one", (c) => c.revokeSession("s_2"), ["DELETE /bff/sessions/s_2"]],
  ["revokeSession of all others", (c) => c.revokeSession(), ["DELETE /bff/sessions"]],
  ["logout", (c) => c.logout(), ["POST /bff/logout"]],
  ["logout everywhere", (c) => c.logout({ everywhere: true }), ["DELETE /bff/sessions", "POST /bff/logout"]],
]) {
  test(`${name} asks ${want.join(", then ")} with credentials and X-CSRF`, async () => {
    const p = page();
    await call(createClient());
    assert.deepEqual(p.calls, want);
    assert.equal(p.last.headers.get("X-CSRF"), "1");
    assert.equal(p.last.credentials, "include");
  });
}

test("a refusal of bff's own routes is a BFFError with the problem document", async () => {
  const p = page();
  p.answer = () => problem("store_unavailable", 503, { retry_after: 3, detail: "The session store does not answer." });
  await assert.rejects(
    createClient().getSession(),
    (e) =>
      e instanceof BFFError &&
      e.name === "BFFError" &&
      e.problem.retry_after === 3 &&
      e.problem.code === "store_unavailable" &&
      e.message === "The session store does not answer.",
  );
});

test("a refusal that is no problem document is a BFFError too", async () => {
  const p = page();
  p.answer = () => new Response("<h1>Bad gateway</h1>", { status: 502 });
  await assert.rejects(
    createClient().getSession(),
    (e) => e instanceof BFFError && e.problem.status === 502 && e.problem.code === "internal",
  );
});

for (const [what, where, want] of [
  [
    "login comes back to where the person is",
    ["login", { provider: "demo" }],
    "/bff/login/demo?return_to=/notes?a=b#c",
  ],
  ["login goes where it is sent", ["login", { provider: "demo", returnTo: "/x" }], "/bff/login/demo?return_to=/x"],
  [
    "login passes hints and scopes on",
    [
      "login",
      { provider: "demo", returnTo: "/", loginHint: "ada@example.com", prompt: "select_account", scopes: ["a", "b"] },
    ],
    "/bff/login/demo?return_to=/&scopes=a b&login_hint=ada@example.com&prompt=select_account",
  ],
  [
    "connect repairs a connection",
    ["connect", { provider: "demo", returnTo: "/", connection: "c_1" }],
    "/bff/connect/demo?return_to=/&connection=c_1",
  ],
]) {
  test(what, async () => {
    const p = page();
    createClient()[where[0]](where[1]);
    await settle();
    assert.equal(decodeURIComponent(p.went[0].href.replaceAll("+", " ")), "https://app.example.com" + want);
  });
}

test("a popup's outcome comes over the bus, and every tab looks", async () => {
  const p = page();
  const c = createClient(),
    a = listen(createClient());
  await settle();
  const signing = c.login({ provider: "demo", popup: true });
  const { searchParams } = p.popups[0].url;
  assert.match(searchParams.get("return_to"), /^\/bff\/account\/done\?id=[0-9a-f-]{36}$/);
  p.session = signedIn();
  done(p.popups[0]);
  await signing;
  await settle();
  assert.deepEqual(a.heard, ["INITIAL_SESSION false", "SIGNED_IN true connection"]);
  assert.deepEqual(p.went, []);
  a.stop();
});

test("a popup that failed rejects with the code, and somebody else's outcome is not ours", async () => {
  const p = page();
  const c = createClient();
  const first = c.connect({ provider: "demo", popup: true }),
    second = c.connect({ provider: "demo", popup: true });
  done(p.popups[0], "wrong_account");
  await assert.rejects(first, (e) => e instanceof BFFError && e.problem.code === "wrong_account");
  done(p.popups[1]);
  await second;
});

test("a popup that the person closed settles when the page has the focus again", async () => {
  const p = page();
  let settled = false;
  const linking = createClient()
    .connect({ provider: "demo", popup: true })
    .then(() => (settled = true));
  p.fire("focus");
  await new Promise((r) => setTimeout(r, 1100));
  assert.equal(settled, false, "it is still open");
  p.popups[0].closed = true;
  p.fire("focus");
  await linking;
});

test("a blocked popup becomes a redirect that comes back to where the person was", async () => {
  const p = page();
  p.blocked = true;
  createClient().login({ provider: "demo", popup: true });
  await settle();
  assert.equal(p.went[0].searchParams.get("return_to"), "/notes?a=b#c");
});

for (const [code, kind, status] of [
  ["not_signed_in", LoginRequiredError, 401],
  ["missing_scopes", ConsentRequiredError, 403],
  ["not_connected", ConsentRequiredError, 403],
  ["needs_reauth", ReconnectRequiredError, 403],
]) {
  test(`fetch throws ${kind.name} with its fix for ${code}`, async () => {
    const p = page();
    p.answer = () => problem(code, status, { fix: consent, missing_scopes: ["files"] });
    await assert.rejects(
      createClient().fetch("/api/files"),
      (e) =>
        e instanceof kind &&
        e.name === kind.name &&
        e.fix.url === consent.url &&
        e.problem.missing_scopes[0] === "files",
    );
  });
}

test("fetch leaves everything else to the caller: an upstream's 403, bff's 503, a network error", async () => {
  const p = page();
  const c = createClient({ onFix: "popup" });
  p.answer = () => new Response("quota", { status: 403 });
  assert.equal((await c.fetch("/api/x")).status, 403);
  p.answer = () => problem("provider_unavailable", 503);
  assert.equal((await c.fetch("/api/x")).status, 503);
  p.answer = () => Promise.reject(new TypeError("network"));
  await assert.rejects(c.fetch("/api/x"), TypeError);
  p.answer = () => Promise.reject(null);
  await assert.rejects(c.fetch("/api/x"), (e) => e === null);
  assert.equal(p.popups.length, 0);
});

test("fetch takes what fetch takes: relative and absolute addresses, URL, Request, init", async () => {
  const p = page("https://app.example.com/deep/page");
  const c = createClient();
  await c.fetch("x?y=1");
  await c.fetch(new URL("https://app.example.com/api/y"), {
    method: "POST",
    body: "{}",
    headers: { "Content-Type": "application/json" },
  });
  assert.equal(p.last.headers.get("Content-Type"), "application/json");
  assert.equal(await p.last.text(), "{}");
  await c.fetch(new Request("https://app.example.com/api/z", { method: "PUT", body: "b", headers: { "X-Mine": "1" } }));
  assert.deepEqual(p.calls, ["GET /deep/x?y=1", "POST /api/y", "PUT /api/z"]);
  assert.deepEqual(
    [p.last.headers.get("X-CSRF"), p.last.headers.get("X-Mine"), p.last.credentials],
    ["1", "1", "include"],
  );
});

test("fetch sends a stream as it comes, and hands on the answer's", async () => {
  const p = page();
  const parts = (...all) => ReadableStream.from(all.map((x) => new TextEncoder().encode(x)));
  p.answer = (r) => new Response(r.body);
  const answer = await createClient().fetch("/api/x", { method: "POST", duplex: "half", body: parts("a", "b") });
  assert.equal(await answer.text(), "ab");
});

for (const [what, call] of [
  ["init", (c, signal) => c.fetch("/api/x", { signal })],
  ["a Request", (c, signal) => c.fetch(new Request("https://app.example.com/api/x", { signal }))],
]) {
  test(`fetch can be given up by the signal of ${what}, before and under way`, async () => {
    const p = page();
    const c = createClient(),
      over = new AbortController();
    p.answer = () => new Promise(() => {});
    const calling = call(c, over.signal);
    await settle();
    over.abort();
    await assert.rejects(calling, { name: "AbortError" });
    await assert.rejects(call(c, AbortSignal.abort()), { name: "AbortError" });
    assert.deepEqual(p.calls, ["GET /api/x"], "the second was never sent");
  });
}

test("a call that was given up while the person is asked is not repeated", async () => {
  const p = page();
  const over = new AbortController();
  p.answer = () => problem("missing_scopes", 403, { fix: consent });
  const calling = createClient({ onFix: "popup" }).fetch("/api/x", { signal: over.signal });
  await settle();
  over.abort();
  done(p.popups[0]);
  await assert.rejects(calling, { name: "AbortError" });
  assert.deepEqual(p.calls, ["GET /api/x"]);
});

test("fetch to another origin is the plain one: no credentials, no header", async () => {
  const p = page();
  await createClient().fetch("https://elsewhere.example/x");
  assert.deepEqual([p.last.headers.get("X-CSRF"), p.last.credentials], [null, "same-origin"]);
});

test("baseURL sends calls to bff's own origin", async () => {
  const p = page();
  const c = createClient({ baseURL: "https://bff.example.com" });
  await c.getSession();
  await c.fetch("/api/x");
  assert.equal(p.last.url, "https://bff.example.com/api/x");
  assert.equal(p.last.credentials, "include");
});

test("onFix popup opens the fix and repeats the call once", async () => {
  const p = page();
  let fixed = false;
  p.answer = (r) => (r.url.includes("/api/") && !fixed ? problem("missing_scopes", 403, { fix: consent }) : undefined);
  const calling = createClient({ onFix: "popup" }).fetch("/api/files", { method: "POST", body: "x" });
  await settle();
  const url = p.popups[0].url;
  assert.deepEqual(
    [url.pathname, url.searchParams.get("scopes"), url.searchParams.get("connection")],
    ["/bff/connect/demo", "files more", "c_1"],
  );
  fixed = true;
  done(p.popups[0]);
  assert.equal((await calling).status, 200);
  assert.equal(await p.last.text(), "x");
  assert.deepEqual(
    p.calls.filter((x) => x.includes("/api/")),
    ["POST /api/files", "POST /api/files"],
  );
});

test("onFix popup: calls that need the same fix share one popup, and a call is repeated only once", async () => {
  const p = page();
  p.answer = (r) => (r.url.includes("/api/") ? problem("needs_reauth", 403, { fix: consent }) : undefined);
  const c = createClient({ onFix: "popup" });
  const calls = [c.fetch("/api/a"), c.fetch("/api/b")];
  await settle();
  assert.equal(p.popups.length, 1);
  done(p.popups[0]);
  for (const r of await Promise.allSettled(calls)) assert.ok(r.reason instanceof ReconnectRequiredError);
  assert.equal(p.popups.length, 1);
});

test("onFix popup that is refused throws the first error", async () => {
  const p = page();
  p.answer = (r) => (r.url.includes("/api/") ? problem("missing_scopes", 403, { fix: consent }) : undefined);
  const calling = createClient({ onFix: "popup" }).fetch("/api/a");
  await settle();
  done(p.popups[0], "access_denied");
  await assert.rejects(calling, ConsentRequiredError);
});

test("onFix popup asks again the next time", async () => {
  const p = page();
  p.answer = (r) => (r.url.includes("/api/") ? problem("missing_scopes", 403, { fix: consent }) : undefined);
  const c = createClient({ onFix: "popup" });
  for (const n of [1, 2]) {
    const calling = c.fetch("/api/a");
    await settle();
    assert.equal(p.popups.length, n);
    done(p.popups.at(-1), "access_denied");
    await assert.rejects(calling, ConsentRequiredError);
  }
});

test("onFix redirect leaves for the fix, but not in a circle", async () => {
  let p = page();
  p.answer = () => problem("not_signed_in", 401, { fix: login });
  createClient({ onFix: "redirect" }).fetch("/api/a");
  await settle();
  assert.equal(p.went[0].pathname, "/bff/login/demo");
  p = page("https://app.example.com/notes?bff_error=access_denied");
  p.answer = () => problem("not_signed_in", 401, { fix: login });
  await assert.rejects(createClient({ onFix: "redirect" }).fetch("/api/a"), LoginRequiredError);
  assert.deepEqual(p.went, []);
});

for (const [what, args] of [
  ["a Request with a body", () => [new Request("https://app.example.com/api/a", { method: "POST", body: "x" })]],
  [
    "a stream",
    () => ["/api/a", { method: "POST", duplex: "half", body: new ReadableStream({ start: (c) => c.close() }) }],
  ],
]) {
  test(`onFix does not repeat what cannot be sent again: ${what}`, async () => {
    const p = page();
    p.answer = () => problem("missing_scopes", 403, { fix: consent });
    await assert.rejects(createClient({ onFix: "popup" }).fetch(...args()), ConsentRequiredError);
    assert.equal(p.popups.length, 0);
  });
}

for (const url of [
  "https://evil.example/bff/login/demo",
  "//evil.example/bff/login",
  "javascript:alert(1)",
  "/elsewhere",
  undefined,
]) {
  test(`onFix follows only bff's own pages, not ${url}`, async () => {
    const p = page();
    p.answer = () => problem("not_signed_in", 401, { fix: url && { kind: "login", url } });
    for (const onFix of ["popup", "redirect"])
      await assert.rejects(createClient({ onFix }).fetch("/api/a"), LoginRequiredError);
    assert.deepEqual([p.popups, p.went], [[], []]);
  });
}
