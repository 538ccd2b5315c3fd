import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Window } from "happy-dom";

const window = new Window();
globalThis.window = window;
globalThis.document = window.document;
globalThis.navigator ??= window.navigator; // Node has one from version 21 on
globalThis.IS_REACT_ACT_ENVIRONMENT = true;
const { StrictMode, act, createElement: h } = await import("react");
const { createRoot } = await import("react-dom/client");
const { renderToString } = await import("react-dom/server");
const { BFFProvider, SignedIn, SignedOut, useClient, useSession } = await import("../react.js");

const someone = { authenticated: true, user: { name: "Ada" }, session: { id: "s_1" }, connections: [] };
const nobody = { authenticated: false, providers: [] };

/** A client whose answers the test gives. */
function fake() {
  const c = {
    listeners: new Set(),
    subscriptions: 0,
    asked: [],
    getSession: (options) => new Promise((yes, no) => c.asked.push({ options, yes, no })),
    onAuthStateChange(f) {
      c.subscriptions++;
      c.listeners.add(f);
      return () => c.listeners.delete(f);
    },
    emit: (event, session) => act(async () => c.listeners.forEach((f) => f(event, session))),
    answers: (data) => act(async () => c.asked.at(-1).yes(data)),
    fails: (error) => act(async () => c.asked.at(-1).no(error)),
  };
  return c;
}

let root;
async function show(client, ...children) {
  const place = document.createElement("div");
  root = createRoot(place);
  await act(async () => root.render(h(StrictMode, null, h(BFFProvider, { client }, ...children))));
  return place;
}
afterEach(() => root && act(async () => root.unmount()));

const Words = () => {
  const { data, isPending, error } = useSession();
  return h(
    "p",
    null,
    isPending
      ? "pending"
      : error
        ? "error " + error.message
        : data.authenticated
          ? "hello " + data.user.name
          : "nobody",
  );
};

test("useSession is pending, then says who is signed in, then that nobody is", async () => {
  const c = fake(),
    place = await show(c, h(Words));
  assert.equal(place.textContent, "pending");
  await c.emit("INITIAL_SESSION", someone);
  assert.equal(place.textContent, "hello Ada");
  await c.emit("SIGNED_OUT", nobody);
  assert.equal(place.textContent, "nobody");
});

test("useSession has an error while bff cannot be asked, and refetch asks again", async () => {
  const c = fake();
  let refetch;
  const Again = () => ((refetch = useSession().refetch), null);
  const place = await show(c, h(Words), h(Again));
  await c.fails(new Error("store"));
  assert.equal(place.textContent, "error store");
  act(() => void refetch());
  await c.answers(someone);
  assert.equal(place.textContent, "hello Ada");
  assert.deepEqual(c.asked.at(-1).options, { touch: false });
});

test("an answer that is older than an event is not shown", async () => {
  const c = fake(),
    place = await show(c, h(Words));
  await c.emit("SIGNED_OUT", nobody);
  await c.answers(someone);
  assert.equal(place.textContent, "nobody");
  await c.emit("SIGNED_IN", someone);
  await c.fails(new Error("late"));
  assert.equal(place.textContent, "hello Ada");
});

test("a failed refetch keeps what is known, beside the error", async () => {
  const c = fake();
  let state;
  const Peek = () => ((state = useSession()), null);
  await show(c, h(Peek));
  await c.emit("INITIAL_SESSION", someone);
  act(() => void state.refetch());
  await c.fails(new Error("store"));
  assert.equal(state.data, someone);
  assert.equal(state.error.message, "store");
  assert.equal(state.isPending, false);
});

test("SignedIn and SignedOut show nothing until it is known", async () => {
  const c = fake(),
    place = await show(c, h(SignedIn, null, "in"), h(SignedOut, null, "out"));
  assert.equal(place.textContent, "");
  await c.emit("INITIAL_SESSION", nobody);
  assert.equal(place.textContent, "out");
  await c.emit("SIGNED_IN", someone);
  assert.equal(place.textContent, "in");
});

test("any number of components share one subscription, and none is left behind", async () => {
  const c = fake();
  await show(c, h(Words), h(Words), h(SignedIn), h(SignedOut));
  assert.equal(c.listeners.size, 1);
  await act(async () => root.unmount());
  root = undefined;
  assert.equal(c.listeners.size, 0);
});

test("on a server it is pending and asks nothing", () => {
  const c = fake();
  assert.equal(
    renderToString(h(BFFProvider, { client: c }, h(Words), h(SignedIn, null, "in"), h(SignedOut, null, "out"))),
    "<p>pending</p>",
  );
  assert.deepEqual([c.subscriptions, c.asked.length], [0, 0]);
});

test("useClient gives the client, and says what is missing without a provider", async () => {
  const c = fake();
  let got;
  await show(
    c,
    h(() => ((got = useClient()), null)),
  );
  assert.equal(got, c);
  assert.throws(() => renderToString(h(Words)), /there is no <BFFProvider>/);
});
