// The shop of `bff dev`: the frontend of a second front. It stands on another site than the demo app, has a session
// cookie of its own, and knows the same people.
/** @import { Device, Session } from "/bff/types.js" */
import { createClient } from "/bff/client.js";
import { face, h, icon } from "/bff/account/ui.js";

const bff = createClient();

/** What is shown. */
const state = {
  /** @type {Session | undefined} */
  session: undefined,
  /** @type {Device[]} the person's sessions, on all fronts */
  devices: [],
  /** @type {{ greeting?: string, claims?: Record<string, unknown>, failed?: string } | undefined} */
  backend: undefined,
  left: "", // why nobody is signed in any more
};

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {Record<string, string>} */
const goodbyes = {
  logout: "You signed out here. Where else you were signed in, you still are.",
  ended_elsewhere: "This session was ended from another front or device. This page knew within a second.",
  provider: "The provider said that you signed out there. The sessions of all fronts ended.",
  erased: "Your account is erased, with all that was kept of it.",
  expired: "The session ran out.",
  login_expired: "That sign-in took too long, or was used before. Start again.",
  no_cookies: "Signing in needs one cookie, and this browser keeps none of this page. Allow cookies here, then start again.",
};

// The same backend as on the first front. The assertion that it gets names this front as the issuer.
async function ask() {
  try {
    const answer = await bff.fetch("/app/greeting");
    state.backend = answer.ok ? await answer.json() : { failed: answer.headers.get("BFF-Error") || String(answer.status) };
    state.devices = await bff.listSessions();
  } catch { // the session ended meanwhile: onAuthStateChange says so
    return;
  }
  draw();
}

/** @param {boolean} everywhere */
const leave = (everywhere) => bff.logout({ everywhere }).catch(() => {
  state.left = "bff does not answer. You are still signed in.";
  draw();
});

/** The first front: every name of this machine that is no other front's leads to it. */
const first = `http://localhost:${location.port}/`;

/** @param {Extract<Session, { authenticated: true }>} session */
const inside = (session) => {
  const { user } = session, name = user.name || user.subject, { backend } = state;
  return [
    h("section", { class: "hero" },
      h("h1", null, `Hello ${name.split(" ")[0]}, again.`),
      h("p", { class: "lead" }, "Another site with a cookie of its own, and the same person: bff signed you in here " +
        "by a code that only this browser could use. Where you were signed in on the first front, no provider was " +
        "asked.")),
    h("section", { class: "card", "aria-labelledby": "backend" },
      h("h2", { id: "backend" }, "What the backend knows of you"),
      h("p", { class: "hint" }, "The same backend stands behind both fronts. It gets no cookie and no token, but a " +
        "signed statement, in which ", h("code", null, "iss"), " is the front where you are."),
      !backend && h("p", { class: "hint" }, "asking …"),
      backend?.failed && h("p", { role: "status" }, `The backend did not answer (${backend.failed}).`),
      backend?.greeting && h("p", { class: "greeting", role: "status" }, backend.greeting),
      backend?.claims && h("details", { open: true }, h("summary", null, "The whole statement"),
        h("pre", { tabindex: 0 }, JSON.stringify(backend.claims, null, 2)))),
    h("section", { class: "card", "aria-labelledby": "where" },
      h("h2", { id: "where" }, "Where you are signed in"),
      h("ul", { class: "sessions" }, state.devices.map((d) => h("li", { class: d.current ? "here" : "" },
        h("strong", null, d.front || location.origin),
        h("span", { class: "hint" }, `${d.device} · ${d.id.slice(0, 8)}…`),
        d.current && h("span", { class: "pill good" }, "this page")))),
      h("div", { class: "ways" },
        h("button", { class: "button", type: "button", id: "leave", onclick: () => leave(false) }, "Sign out here"),
        h("button", { class: "button danger", type: "button", id: "leave-everywhere", onclick: () => leave(true) },
          "Sign out everywhere"),
        h("a", { class: "button quiet", href: first }, "To the first front"))),
  ];
};

const outside = () => [
  h("section", { class: "hero" },
    state.left && h("p", { class: "farewell", role: "status" }, icon("info"),
      h("span", null, goodbyes[state.left] || state.left)),
    h("h1", null, "Another site, ", h("br"), "the same people."),
    h("p", { class: "lead" }, "This is a second front of the same bff. Its cookie is its own: what the first front " +
      "holds is worth nothing here. If you are signed in there, signing in here shows you no provider."),
    h("p", { class: "ways" },
      h("button", { class: "button primary big", type: "button", id: "sign-in",
        onclick: () => bff.login({ provider: "demo" }) }, "Sign in to the shop"),
      h("a", { class: "button big quiet", href: first }, "To the first front"))),
];

function nav() {
  const { session } = state, account = h("a", { class: "button quiet", href: "/bff/account" }, "Account");
  if (!session?.authenticated) return [account];
  const name = session.user.name || session.user.subject;
  return [h("p", { class: "me" }, face(session.user.subject, name, "small"), h("span", null, name)), account];
}

function draw() {
  const { session } = state;
  if (!session) return;
  at("nav").replaceChildren(...nav());
  at("shop").replaceChildren(...(session.authenticated ? inside(session) : outside()));
}

// What a person chose on another front is here too.
bff.onPreferencesChange(({ theme }) => {
  if (["light", "dark"].includes(theme)) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
});

bff.onAuthStateChange((event, now, reason) => {
  state.session = now;
  state.left = now.authenticated || event === "INITIAL_SESSION" ? state.left : reason || "expired";
  if (now.authenticated) {
    state.left = "";
    ask();
  } else {
    state.backend = undefined;
    state.devices = [];
  }
  draw();
});

const here = new URL(location.href), failed = here.searchParams.get("bff_error");
if (failed) {
  state.left = failed === "login_expired" && !navigator.cookieEnabled ? "no_cookies" : failed;
  here.searchParams.delete("bff_error");
  history.replaceState(history.state, "", here);
}
