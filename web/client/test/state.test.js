import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { afterEach, mock, test } from "node:test";
import { promisify } from "node:util";
import { createClient } from "../client.js";
import { connection, leave, listen, page, problem, settle, signedIn, signedOut } from "../fake/page.js";

afterEach(leave);

test("a listener hears INITIAL_SESSION once, whether somebody is signed in or not", async () => {
  const p = page();
  const a = listen(createClient());
  await settle();
  assert.deepEqual(a.heard, ["INITIAL_SESSION false"]);
  a.stop();
  p.session = signedIn();
  const b = listen(createClient());
  await settle();
  assert.deepEqual(b.heard, ["INITIAL_SESSION true"]);
  b.stop();
});

test("a second listener hears INITIAL_SESSION by itself and the first does not hear it again", async () => {
  page();
  const c = createClient(),
    a = listen(c);
  await settle();
  const b = listen(c);
  assert.deepEqual(b.heard, [], "never before onAuthStateChange returned");
  await settle();
  assert.deepEqual([a.heard, b.heard], [["INITIAL_SESSION false"], ["INITIAL_SESSION false"]]);
  (a.stop(), b.stop());
});

test("a listener that comes back after everybody left hears INITIAL_SESSION of now", async () => {
  const p = page();
  const c = createClient(),
    a = listen(c);
  a.stop();
  const b = listen(c); // as React's StrictMode does
  await settle();
  assert.deepEqual([a.heard, b.heard], [[], ["INITIAL_SESSION false"]]);
  b.stop();
  p.session = signedIn();
  const d = listen(c);
  await settle();
  assert.deepEqual(d.heard, ["INITIAL_SESSION true"]);
  d.stop();
});

test("a listener that throws is reported, and silences nobody", async () => {
  const script = `
    import { createClient } from ${JSON.stringify(new URL("../client.js", import.meta.url).href)};
    import { listen, page, settle, signedIn } from ${JSON.stringify(new URL("../fake/page.js", import.meta.url).href)};
    const p = page(), c = createClient();
    process.on("unhandledRejection", (e) => console.log(e.message));
    c.onAuthStateChange(() => { throw new Error("mine"); });
    const a = listen(c);
    await settle();
    p.session = signedIn();
    p.fire("pageshow", { persisted: true });
    await settle();
    console.log(a.heard.join(", "));
    process.exit();`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
  assert.deepEqual(stdout.trim().split("\n"), ["mine", "mine", "INITIAL_SESSION false, SIGNED_IN true"]);
});

test("a sign-in in one tab is SIGNED_IN in the others, at the price of one look each", async () => {
  const p = page();
  const a = listen(createClient()),
    b = listen(createClient());
  await settle();
  p.session = signedIn();
  const before = p.lookCount(),
    said = [];
  new BroadcastChannel("bff").onmessage = ({ data }) => said.push(data);
  const c = listen(createClient()); // the tab that came back from the provider
  await settle();
  assert.deepEqual(a.heard, ["INITIAL_SESSION false", "SIGNED_IN true"]);
  assert.deepEqual(b.heard, a.heard);
  assert.deepEqual(c.heard, ["INITIAL_SESSION true"]);
  assert.equal(p.lookCount() - before, 3);
  assert.deepEqual(said, [{ why: "", id: "s_1" }], "one tells, nobody repeats it");
  (a.stop(), b.stop(), c.stop());
});

test("another session of the same browser is SIGNED_IN again", async () => {
  const p = page();
  p.session = signedIn("s_1");
  const a = listen(createClient());
  await settle();
  p.session = signedIn("s_2");
  p.fire("pageshow", { persisted: true });
  await settle();
  assert.deepEqual(a.heard, ["INITIAL_SESSION true", "SIGNED_IN true"]);
  a.stop();
});

test("a page that comes back from the back button looks again; a fresh one does not look twice", async () => {
  const p = page();
  const a = listen(createClient());
  await settle();
  const n = p.lookCount();
  p.fire("pageshow", { persisted: false });
  await settle();
  assert.equal(p.lookCount(), n);
  p.fire("pageshow", { persisted: true });
  await settle();
  assert.equal(p.lookCount(), n + 1);
  a.stop();
});

test("logout is SIGNED_OUT with its reason in every tab", async () => {
  const p = page();
  p.session = signedIn();
  const c = createClient(),
    a = listen(c),
    b = listen(createClient());
  await settle();
  assert.deepEqual(await c.logout(), { logout_url: null });
  await settle();
  for (const { heard } of [a, b]) assert.deepEqual(heard, ["INITIAL_SESSION true", "SIGNED_OUT false logout"]);
  (a.stop(), b.stop());
});

for (const [reason, event] of [
  ["ended_elsewhere", "SIGNED_OUT"],
  ["provider", "SIGNED_OUT"],
  ["erased", "SIGNED_OUT"],
  ["expired", "SESSION_EXPIRED"],
]) {
  test(`session.ended with the reason ${reason} is ${event} in every tab`, async () => {
    const p = page();
    p.session = signedIn();
    const a = listen(createClient()),
      b = listen(createClient());
    await settle();
    p.session = signedOut();
    p.stream.says("session.ended", { reason });
    await settle();
    for (const { heard } of [a, b]) assert.deepEqual(heard, ["INITIAL_SESSION true", `${event} false ${reason}`]);
    assert.equal(p.stream, undefined, "nothing is left to listen for");
    (a.stop(), b.stop());
  });
}

test("session.ended is believed only when the server agrees", async () => {
  const p = page();
  p.session = signedIn();
  const a = listen(createClient());
  await settle();
  p.stream.says("session.ended", { reason: "logout" });
  await settle();
  assert.deepEqual(a.heard, ["INITIAL_SESSION true"]);
  a.stop();
});

test("a call that is refused with 401 makes every tab see that the session expired", async () => {
  const p = page();
  p.session = signedIn();
  const c = createClient(),
    a = listen(c),
    b = listen(createClient());
  await settle();
  p.session = signedOut();
  p.answer = (r) => (r.url.includes("/api/") ? problem("not_signed_in", 401) : undefined);
  await assert.rejects(c.fetch("/api/x"));
  await settle();
  assert.deepEqual(a.heard, ["INITIAL_SESSION true"], "the server's word for it may be on its way");
  await new Promise((r) => setTimeout(r, 1100));
  await settle();
  for (const { heard } of [a, b]) assert.deepEqual(heard, ["INITIAL_SESSION true", "SESSION_EXPIRED false expired"]);
  (a.stop(), b.stop());
});

test("a call that is refused before the event arrives leaves the reason to the event", async () => {
  const p = page();
  p.session = signedIn();
  const c = createClient(),
    a = listen(c);
  await settle();
  p.session = signedOut();
  p.answer = (r) => (r.url.includes("/api/") ? problem("not_signed_in", 401) : undefined);
  await assert.rejects(c.fetch("/api/x"));
  p.stream.says("session.ended", { reason: "provider" });
  await new Promise((r) => setTimeout(r, 1100));
  assert.deepEqual(a.heard, ["INITIAL_SESSION true", "SIGNED_OUT false provider"]);
  a.stop();
});

test("CONNECTION_CHANGED comes for a change, not for a use", async () => {
  const p = page();
  p.session = signedIn();
  const a = listen(createClient()),
    b = listen(createClient());
  await settle();
  p.session = signedIn("s_1", [connection({ used_at: "2026-01-01T00:01:00Z" })]);
  p.stream.says("connection.changed", p.session.connections[0]);
  await settle();
  assert.deepEqual(a.heard, ["INITIAL_SESSION true"]);
  p.session = signedIn("s_1", [connection({ status: "needs_reauth", reason: "revoked" })]);
  p.stream.says("connection.changed", p.session.connections[0]);
  await settle();
  p.session = signedIn("s_1", [connection({ scopes: ["openid", "files"] })]);
  p.stream.says("connection.changed", p.session.connections[0]);
  await settle();
  p.session = signedIn("s_1", []);
  p.stream.says("connection.changed", { id: "c_1", status: "removed" });
  await settle();
  for (const { heard } of [a, b])
    assert.deepEqual(heard, ["INITIAL_SESSION true", ...Array(3).fill("CONNECTION_CHANGED true connection")]);
  (a.stop(), b.stop());
});

test("one tab holds the stream; when it leaves, the next one does and looks at what it missed", async () => {
  const p = page();
  p.session = signedIn();
  const a = listen(createClient()),
    b = listen(createClient());
  await settle();
  assert.equal(p.streams.length, 1);
  assert.equal(p.streams[0].options.withCredentials, true);
  a.stop();
  await settle();
  assert.equal(p.streams[0].readyState, 2);
  assert.equal(p.streams.length, 2);
  p.session = signedIn("s_1", [connection(), connection({ id: "c_2" })]);
  p.stream.opens();
  await settle();
  assert.deepEqual(b.heard, ["INITIAL_SESSION true", "CONNECTION_CHANGED true"]);
  b.stop();
  assert.equal(p.stream, undefined);
});

test("no stream is held for nobody", async () => {
  const p = page();
  const a = listen(createClient());
  await settle();
  assert.equal(p.streams.length, 0);
  a.stop();
});

test("looking never slides the session; getSession does unless asked to", async () => {
  const p = page();
  const c = createClient(),
    a = listen(c);
  await settle();
  assert.ok(p.calls.every((x) => x === "GET /bff/session?touch=false"));
  await c.getSession();
  assert.equal(p.calls.at(-1), "GET /bff/session?touch=true");
  await c.getSession({ touch: false });
  assert.equal(p.calls.at(-1), "GET /bff/session?touch=false");
  a.stop();
});

test("an outage changes nothing, and is asked about until it is over", async () => {
  const p = page();
  p.session = signedIn();
  const a = listen(createClient());
  await settle();
  mock.timers.enable({ apis: ["setTimeout"] });
  const tick = async () => {
    for (let i = 0; i < 200; i++) await new Promise((r) => setImmediate(r));
  };
  p.answer = () => problem("store_unavailable", 503, { retry_after: 1 });
  p.stream.fails(2); // the server closed it, and does not take a new one
  mock.timers.tick(5000);
  await tick();
  assert.deepEqual(a.heard, ["INITIAL_SESSION true"]);
  p.answer = () => undefined;
  p.session = signedOut();
  mock.timers.tick(5000);
  await tick();
  mock.timers.tick(1000);
  await tick();
  assert.deepEqual(a.heard, ["INITIAL_SESSION true", "SESSION_EXPIRED false expired"]);
  mock.timers.reset();
  a.stop();
});

test("a page opened during an outage gets its INITIAL_SESSION when it is over", async () => {
  const p = page();
  mock.timers.enable({ apis: ["setTimeout"] });
  const tick = async () => {
    for (let i = 0; i < 200; i++) await new Promise((r) => setImmediate(r));
  };
  p.answer = () => Promise.reject(new TypeError("network"));
  const a = listen(createClient());
  await tick();
  assert.deepEqual(a.heard, []);
  p.answer = () => undefined;
  mock.timers.tick(5000);
  await tick();
  assert.deepEqual(a.heard, ["INITIAL_SESSION false"]);
  mock.timers.reset();
  a.stop();
});

test("a stream that lost its network is left to come back by itself", async () => {
  const p = page();
  p.session = signedIn();
  const a = listen(createClient());
  await settle();
  p.stream.fails(0);
  await settle();
  assert.equal(p.streams.length, 1);
  assert.equal(p.stream, p.streams[0]);
  a.stop();
});

test("a client that stopped while it was looking opens nothing and asks nothing more", async () => {
  const p = page();
  let go;
  p.answer = () => new Promise((r) => (go = () => r(Response.json(signedIn()))));
  const a = listen(createClient());
  await settle();
  a.stop();
  go();
  await settle();
  assert.deepEqual([a.heard, p.streams.length, p.calls.length], [[], 0, 1]);
});

test("a client that stopped does not hear the other tabs", async () => {
  const p = page();
  const a = listen(createClient());
  await settle();
  a.stop();
  const n = p.calls.length;
  const b = new BroadcastChannel("bff");
  b.postMessage({ why: "logout" });
  await settle();
  assert.equal(p.calls.length, n);
});
