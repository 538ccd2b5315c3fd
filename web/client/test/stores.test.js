// The hooks, refs and stores over one client: React's usePreferences, Vue's refs, Svelte's stores.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Window } from "happy-dom";
import { get } from "svelte/store";
import { effectScope } from "vue";

const window = new Window();
globalThis.window = window;
globalThis.document = window.document;
globalThis.navigator ??= window.navigator;
globalThis.IS_REACT_ACT_ENVIRONMENT = true;
const { act, createElement: h } = await import("react");
const { createRoot } = await import("react-dom/client");
const { renderToString } = await import("react-dom/server");
const react = await import("../react.js"),
  svelte = await import("../svelte.js"),
  vue = await import("../vue.js");

const someone = { authenticated: true, user: { name: "Ada" }, session: { id: "s_1" }, connections: [] };

/** A client that remembers who listens. */
function fake() {
  const c = {
    sessions: new Set(),
    preferences: new Set(),
    patches: [],
    getSession: async () => someone,
    getPreferences: async () => ({ theme: "light" }),
    setPreferences: async (patch) => (c.patches.push(patch), patch),
    onAuthStateChange: (f) => (c.sessions.add(f), () => c.sessions.delete(f)),
    onPreferencesChange: (f) => (c.preferences.add(f), () => c.preferences.delete(f)),
  };
  return c;
}

const settle = () => new Promise((r) => setImmediate(r));
afterEach(() => (globalThis.document = window.document));

test("React: usePreferences is pending, then what the person chose, then each change", async () => {
  const c = fake(),
    div = document.createElement("div"),
    root = createRoot(div);
  let state;
  const Peek = () => ((state = react.usePreferences()), h("p", null, state.isPending ? "pending" : state.data.theme));
  const app = h(react.BFFProvider, { client: c }, h(Peek), h(Peek));
  assert.equal(renderToString(app), "<p>pending</p><p>pending</p>");
  assert.equal(c.preferences.size, 0, "on a server nobody is asked");
  await act(async () => root.render(app));
  await act(settle);
  assert.equal(div.textContent, "lightlight");
  assert.equal(c.preferences.size, 1, "components share one subscription");
  await act(async () => c.preferences.forEach((f) => f({ theme: "dark" })));
  assert.equal(div.textContent, "darkdark");
  await state.set({ theme: "light" });
  assert.deepEqual(c.patches, [{ theme: "light" }]);
  await act(async () => root.unmount());
  assert.equal(c.preferences.size, 0);
});

test("React: while they cannot be read there is an error, and the next change ends it", async () => {
  const c = fake(),
    div = document.createElement("div"),
    root = createRoot(div);
  c.getPreferences = async () => Promise.reject(new Error("store"));
  const Peek = () => {
    const { error, data } = react.usePreferences();
    return error ? "error " + error.message : data?.theme;
  };
  await act(async () => root.render(h(react.BFFProvider, { client: c }, h(Peek))));
  await act(settle);
  assert.equal(div.textContent, "error store");
  await act(async () => c.preferences.forEach((f) => f({ theme: "dark" })));
  assert.equal(div.textContent, "dark");
  await act(async () => root.unmount());
});

test("Vue: refs follow the client until their scope ends", async () => {
  const c = fake(),
    scope = effectScope();
  const [session, preferences] = scope.run(() => [vue.useSession(c), vue.usePreferences(c)]);
  assert.equal(session.value.isPending, true);
  await settle();
  assert.deepEqual([session.value.data, preferences.value.data], [someone, { theme: "light" }]);
  c.preferences.forEach((f) => f({ theme: "dark" }));
  assert.equal(preferences.value.data.theme, "dark");
  await preferences.value.set({ theme: "x" });
  assert.deepEqual(c.patches, [{ theme: "x" }]);
  scope.stop();
  assert.deepEqual([c.sessions.size, c.preferences.size], [0, 0]);
});

test("Svelte: stores follow the client while somebody subscribes", async () => {
  const c = fake(),
    session = svelte.sessionStore(c),
    preferences = svelte.preferencesStore(c),
    heard = [];
  assert.equal(get(session).isPending, true, "Svelte's own get() takes it for a store");
  assert.equal(c.sessions.size, 0);
  const stops = [session, preferences].map((s) => s.subscribe((v) => heard.push(v.data)));
  await settle();
  assert.deepEqual(heard, [undefined, undefined, someone, { theme: "light" }]);
  c.preferences.forEach((f) => f({ theme: "dark" }));
  assert.deepEqual(heard.at(-1), { theme: "dark" });
  stops.forEach((stop) => stop());
  assert.deepEqual([c.sessions.size, c.preferences.size], [0, 0]);
});

test("Vue and Svelte on a server: pending, and nobody is asked", async () => {
  const c = fake();
  delete globalThis.document;
  assert.equal(vue.useSession(c).value.isPending, true);
  const stop = svelte.preferencesStore(c).subscribe((v) => assert.equal(v.isPending, true));
  stop();
  assert.deepEqual([c.sessions.size, c.preferences.size], [0, 0]);
});
