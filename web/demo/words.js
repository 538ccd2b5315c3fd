// What the demo app says, in the two languages that a person may prefer. The panel beside it, which explains, is in
// English.

const en = {
  account: "Account", signOut: "Sign out", theApp: "The demo app", today: ", today",
  theme: "Theme", themes: { light: "Light", dark: "Dark", system: "As the system" },
  language: "Language", languages: { en: "English", de: "Deutsch" },
  kept: (/** @type {string} */ who) => `Kept on the server with ${who}, not in this browser: sign in with another ` +
    "one, or look at another tab.",
  week: (/** @type {string} */ who) => who + "'s week",
  files: (/** @type {string} */ who) => who + "'s files",
  calling: "calling …", offline: "bff does not answer", took: (/** @type {number} */ ms) => `200 in ${ms} ms`,
  needsYou: "This link needs you.",
  needsYouWhy: " The provider took the grant back, so the server has nothing to renew with. You are still signed in, " +
    "and other accounts go on.",
  again: (/** @type {string} */ who) => `Link ${who} again`,
  noCalendar: "You did not allow the calendar at the provider.", askAgain: "Ask again",
  nothing: "No account is linked, so there is nothing to call an API with. The session is its own thing: you are " +
    "still " +
    "signed in.",
  linkAnother: "Link another person", linkOne: "Link a person",
  which: "Each call says which account it means, in the header BFF-Connection.",
  sideBySide: "Two accounts side by side, in one session.", back: "Back to where you were.",
  more: "Needs one more permission than the sign-in asked for.", allowed: "You allowed this when it was wanted.",
  waiting: "Waiting for you …", show: "Show files", no: "You said no. The app goes on without files.",
  backend: "Your own backend",
  backendWhat: "A server of the app's own behind bff. It gets no cookie and no token of the provider, but a signed " +
    "statement of who is asking.",
  ask: "Ask the backend", claims: "What it learned about you", rights: "Your rights", noRights: "none",
  front: "A second front", open: "Open the shop",
  frontWhat: "Another site of the same bff, with a cookie of its own and the same people.",
  frontHow: "Sign in there: no provider's page, and you are the same person. Sign out everywhere on one of them, and " +
    "both are signed out.",
  silent: (/** @type {string} */ code) => `The backend did not answer (${code}).`,
};

/** @type {typeof en} */
const de = {
  account: "Konto", signOut: "Abmelden", theApp: "Die Demo-Anwendung", today: ", heute",
  theme: "Farben", themes: { light: "Hell", dark: "Dunkel", system: "Wie das System" },
  language: "Sprache", languages: { en: "English", de: "Deutsch" },
  kept: (who) => `Auf dem Server bei ${who} aufbewahrt, nicht in diesem Browser: Melden Sie sich mit einem anderen ` +
    "an, oder sehen Sie in einen anderen Tab.",
  week: (who) => `Die Woche von ${who}`, files: (who) => `Die Dateien von ${who}`,
  calling: "ruft ab …", offline: "bff antwortet nicht", took: (ms) => `200 in ${ms} ms`,
  needsYou: "Diese Verknüpfung braucht Sie.",
  needsYouWhy: " Der Anbieter hat die Erlaubnis zurückgenommen, darum kann der Server nichts erneuern. Angemeldet " +
    "sind " +
    "Sie noch, und andere Konten laufen weiter.",
  again: (who) => `${who} neu verknüpfen`,
  noCalendar: "Sie haben den Kalender beim Anbieter nicht erlaubt.", askAgain: "Noch einmal fragen",
  nothing: "Es ist kein Konto verknüpft, also kann keine API aufgerufen werden. Die Sitzung ist etwas anderes: " +
    "Angemeldet sind Sie noch.",
  linkAnother: "Weitere Person verknüpfen", linkOne: "Person verknüpfen",
  which: "Jeder Aufruf sagt mit dem Header BFF-Connection, welches Konto er meint.",
  sideBySide: "Zwei Konten nebeneinander, in einer Sitzung.", back: "Zurück zu vorher.",
  more: "Braucht eine Erlaubnis mehr, als die Anmeldung verlangt hat.", allowed: "Das haben Sie erlaubt, als es " +
    "gebraucht wurde.",
  waiting: "Wartet auf Sie …", show: "Dateien zeigen", no: "Sie haben abgelehnt. Die Anwendung läuft ohne Dateien " +
    "weiter.",
  backend: "Ihr eigenes Backend",
  backendWhat: "Ein Server der Anwendung selbst, hinter bff. Er bekommt kein Cookie und kein Token des Anbieters, " +
    "sondern " +
    "eine signierte Aussage, wer fragt.",
  ask: "Das Backend fragen", claims: "Was es über Sie erfuhr", rights: "Ihre Rechte", noRights: "keine",
  front: "Eine zweite Adresse", open: "Den Laden öffnen",
  frontWhat: "Eine andere Website desselben bff, mit eigenem Cookie und denselben Personen.",
  frontHow: "Melden Sie sich dort an: ohne Seite des Anbieters, und Sie sind dieselbe Person. Melden Sie sich auf einer " +
    "von beiden überall ab, so sind Sie auf beiden abgemeldet.",
  silent: (code) => `Das Backend hat nicht geantwortet (${code}).`,
};

/** @typedef {typeof en} Words */

/** @type {Record<string, Words>} */
export const languages = { en, de };
