import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { BFFError, createClient } from "../client.js";
import { leave, page, problem, settle, signedIn, signedOut } from "../fake/page.js";

afterEach(leave);

const follow = (client) => {
  const heard = [];
  return { heard, stop: client.onPreferencesChange((p) => heard.push(p)) };
};

test("a listener gets the preferences as they are, then at every change, in every tab, once each", async () => {
  const p = page();
  p.session = signedIn();
  p.preferences = { theme: "light" };
  const c = createClient(),
    a = follow(c),
    b = follow(createClient());
  await settle();
  assert.deepEqual([a.heard, b.heard], [[{ theme: "light" }], [{ theme: "light" }]]);
  const late = follow(c);
  await settle();
  assert.deepEqual(late.heard, [{ theme: "light" }]);
  assert.deepEqual(await c.setPreferences({ columns: 3 }), { theme: "light", columns: 3 });
  await settle();
  for (const { heard } of [a, b, late]) assert.deepEqual(heard, [{ theme: "light" }, { theme: "light", columns: 3 }]);
  for (const x of [a, b, late]) x.stop();
});

test("a patch is sent as a merge patch, with X-CSRF and without If-Match", async () => {
  const p = page();
  p.session = signedIn();
  await createClient().setPreferences({ theme: null });
  assert.equal(p.calls.at(-1), "PATCH /bff/preferences");
  const sent = ["Content-Type", "X-CSRF", "If-Match"].map((h) => p.last.headers.get(h));
  assert.deepEqual(sent, ["application/merge-patch+json", "1", null]);
});

test("a change on another device is heard when the server says so, and what is not new is not", async () => {
  const p = page();
  p.session = signedIn();
  const a = follow(createClient());
  await settle();
  p.preferences = { theme: "dark" };
  p.stream.says("preferences.changed", {});
  await settle();
  p.stream.says("preferences.changed", {});
  await settle();
  assert.deepEqual(a.heard, [{}, { theme: "dark" }]);
  a.stop();
});

test("a function is called again when another device was faster, and no change is lost", async () => {
  const p = page();
  p.session = signedIn();
  p.preferences = { visits: 1 };
  let other = 2;
  const seen = [];
  const stored = await createClient().setPreferences(({ visits }) => {
    seen.push(visits);
    if (other-- > 0) p.preferences = { visits: visits + 10 }; // between the read and the write
    return { visits: visits + 1 };
  });
  assert.deepEqual([seen, stored], [[1, 11, 21], { visits: 22 }]);
});

test("a tag that a compressing proxy made weak is sent as bff gave it", async () => {
  const p = page();
  p.session = signedIn();
  const tag = { ETag: 'W/"3f1c"' };
  p.answer = (r) => (r.method === "GET" && r.url.endsWith("/preferences") ? Response.json({}, { headers: tag }) : undefined);
  await createClient().setPreferences(() => ({ n: 1 })).catch(() => {});
  assert.deepEqual([p.last.method, p.last.headers.get("If-Match")], ["PATCH", '"3f1c"']);
});

test("a conflict that does not end is a BFFError, and the next change works", async () => {
  const p = page();
  p.session = signedIn();
  const c = createClient();
  p.answer = (r) => (r.method === "PATCH" ? problem("conflict", 412) : undefined);
  await assert.rejects(
    c.setPreferences(() => ({})),
    (e) => e instanceof BFFError && e.problem.code === "conflict",
  );
  p.answer = () => undefined;
  assert.deepEqual(await c.setPreferences({ a: 1 }), { a: 1 });
});

test("two changes of one page are made one after the other", async () => {
  const p = page();
  p.session = signedIn();
  const c = createClient();
  await Promise.all([1, 2, 3].map(() => c.setPreferences(({ n = 0 }) => ({ n: n + 1 }))));
  assert.deepEqual(p.preferences, { n: 3 });
  assert.equal(p.calls.filter((x) => x.startsWith("PATCH")).length, 3, "nothing had to be repeated");
});

test("they follow the person: nothing while nobody is signed in, another person's after a sign-in", async () => {
  const p = page();
  p.session = signedIn("s_1");
  p.preferences = { theme: "dark" };
  const c = createClient(),
    a = follow(c);
  await settle();
  await c.logout();
  await settle();
  p.session = signedIn("s_2");
  p.preferences = { theme: "light" };
  p.fire("pageshow", { persisted: true });
  await settle();
  assert.deepEqual(a.heard, [{ theme: "dark" }, {}, { theme: "light" }]);
  a.stop();
});

test("signed out, the listener hears that there are none, and the server is not asked for any", async () => {
  const p = page();
  p.session = signedOut();
  const a = follow(createClient());
  await settle();
  assert.deepEqual([a.heard, p.calls.filter((x) => x.includes("preferences"))], [[{}], []]);
  a.stop();
});

test("when they cannot be read, nothing is heard until they can", async () => {
  const p = page();
  p.session = signedIn();
  p.preferences = { theme: "dark" };
  mock.timers.enable({ apis: ["setTimeout"] });
  const tick = async () => {
    for (let i = 0; i < 200; i++) await new Promise((r) => setImmediate(r));
  };
  p.answer = (r) => (r.url.endsWith("/preferences") ? problem("store_unavailable", 503) : undefined);
  const a = follow(createClient());
  await tick();
  assert.deepEqual(a.heard, []);
  p.answer = () => undefined;
  mock.timers.tick(5000);
  await tick();
  assert.deepEqual(a.heard, [{ theme: "dark" }]);
  mock.timers.reset();
  a.stop();
});

test("without a listener nothing is asked, and a client that stopped hears nothing", async () => {
  const p = page();
  p.session = signedIn();
  const c = createClient(),
    a = follow(c);
  await settle();
  a.stop();
  await settle();
  const n = p.calls.length;
  new BroadcastChannel("bff").postMessage({ why: "preferences" });
  await settle();
  assert.equal(p.calls.length, n);
  const stop = c.onAuthStateChange(() => {});
  await settle();
  assert.deepEqual(p.calls.slice(n), ["GET /bff/session?touch=false"]);
  stop();
});

test("USER_CHANGED is heard when the server says that rights changed", async () => {
  const p = page();
  p.session = signedIn();
  const heard = [];
  const stop = createClient().onAuthStateChange((event, s) => heard.push([event, s.user?.rights]));
  await settle();
  p.session = { ...signedIn(), user: { ...signedIn().user, rights: ["admin"] } };
  p.stream.says("user.changed", {});
  await settle();
  assert.deepEqual(heard, [
    ["INITIAL_SESSION", undefined],
    ["USER_CHANGED", ["admin"]],
  ]);
  stop();
});
