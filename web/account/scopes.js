// Scopes in plain words. A row: scope, kind, English, German. What means something at one provider only stands in that
// provider's file, and comes with app.json. A scope without words is shown as it is: better no words than wrong ones.
// Kinds: who (who you are), see, change (writes, sends, deletes), keep (works while you are away).

/** @typedef {"who" | "see" | "change" | "keep"} Kind */
/** @typedef {[scope: string, kind: Kind, en: string, de: string]} Row */

const google = "https://www.googleapis.com/auth/";

/** @type {Row[]} Names that mean the same wherever they occur. */
const common = [
  ["openid", "who", "Know that it is you", "Erkennen, dass Sie es sind"],
  ["profile", "who", "See your name and profile", "Ihren Namen und Ihr Profil sehen"],
  ["email", "who", "See your email address", "Ihre E-Mail-Adresse sehen"],
  ["phone", "who", "See your phone number", "Ihre Telefonnummer sehen"],
  ["address", "who", "See your postal address", "Ihre Anschrift sehen"],
  ["offline_access", "keep", "Keep its access while you are away", "Den Zugriff behalten, während Sie nicht da sind"],
  ["offline", "keep", "Keep its access while you are away", "Den Zugriff behalten, während Sie nicht da sind"],

  [google + "userinfo.profile", "who", "See your name and profile", "Ihren Namen und Ihr Profil sehen"],
  [google + "userinfo.email", "who", "See your email address", "Ihre E-Mail-Adresse sehen"],
  [google + "calendar", "change", "See, change, share and delete all your calendars",
    "Alle Ihre Kalender sehen, ändern, freigeben und löschen"],
  [google + "calendar.readonly", "see", "See all your calendars and events", "Alle Ihre Kalender und Termine sehen"],
  [google + "calendar.events", "change", "See and change events on all your calendars",
    "Termine in allen Ihren Kalendern sehen und ändern"],
  [google + "calendar.events.readonly", "see", "See events on all your calendars",
    "Termine in allen Ihren Kalendern sehen"],
  [google + "calendar.freebusy", "see", "See when you are busy", "Sehen, wann Sie belegt sind"],
  [google + "calendar.settings.readonly", "see", "See your calendar settings", "Ihre Kalendereinstellungen sehen"],
  [google + "drive", "change", "See, change, create and delete all your files",
    "Alle Ihre Dateien sehen, ändern, anlegen und löschen"],
  [google + "drive.readonly", "see", "See and download all your files", "Alle Ihre Dateien sehen und herunterladen"],
  [google + "drive.file", "change", "Work with the files you open or create with this app",
    "Mit Dateien arbeiten, die Sie mit dieser Anwendung öffnen oder anlegen"],
  [google + "drive.metadata.readonly", "see", "See the names and details of your files, not what is in them",
    "Namen und Angaben Ihrer Dateien sehen, nicht deren Inhalt"],
  [google + "drive.appdata", "change", "Keep its own settings in your Drive",
    "Eigene Einstellungen in Ihrem Drive ablegen"],
  [google + "documents", "change", "See, change and create your documents", "Ihre Dokumente sehen, ändern und anlegen"],
  [google + "documents.readonly", "see", "See your documents", "Ihre Dokumente sehen"],
  [google + "spreadsheets", "change", "See, change and create your spreadsheets",
    "Ihre Tabellen sehen, ändern und anlegen"],
  [google + "spreadsheets.readonly", "see", "See your spreadsheets", "Ihre Tabellen sehen"],
  [google + "presentations", "change", "See, change and create your presentations",
    "Ihre Präsentationen sehen, ändern und anlegen"],
  [google + "presentations.readonly", "see", "See your presentations", "Ihre Präsentationen sehen"],
  ["https://mail.google.com/", "change", "Read, write, send and delete all your mail",
    "Alle Ihre E-Mails lesen, schreiben, senden und löschen"],
  [google + "gmail.readonly", "see", "Read all your mail and settings", "Alle Ihre E-Mails und Einstellungen lesen"],
  [google + "gmail.modify", "change", "Read, write, send and sort your mail",
    "Ihre E-Mails lesen, schreiben, senden und ordnen"],
  [google + "gmail.send", "change", "Send mail for you", "In Ihrem Namen E-Mails senden"],
  [google + "gmail.compose", "change", "Write drafts and send mail for you",
    "In Ihrem Namen Entwürfe schreiben und E-Mails senden"],
  [google + "gmail.labels", "change", "See and change your mail labels", "Ihre E-Mail-Labels sehen und ändern"],
  [google + "gmail.metadata", "see", "See who your mail is from and about, not what it says",
    "Absender und Betreff Ihrer E-Mails sehen, nicht den Inhalt"],
  [google + "contacts", "change", "See, change and delete your contacts", "Ihre Kontakte sehen, ändern und löschen"],
  [google + "contacts.readonly", "see", "See your contacts", "Ihre Kontakte sehen"],
  [google + "contacts.other.readonly", "see", "See people you have been in touch with",
    "Personen sehen, mit denen Sie Kontakt hatten"],
  [google + "tasks", "change", "See, change and delete your tasks", "Ihre Aufgaben sehen, ändern und löschen"],
  [google + "tasks.readonly", "see", "See your tasks", "Ihre Aufgaben sehen"],
  [google + "youtube", "change", "Manage your YouTube account", "Ihr YouTube-Konto verwalten"],
  [google + "youtube.readonly", "see", "See your YouTube account", "Ihr YouTube-Konto sehen"],
  [google + "youtube.upload", "change", "Upload and manage your YouTube videos",
    "Ihre YouTube-Videos hochladen und verwalten"],
  [google + "photoslibrary.readonly", "see", "See your photos", "Ihre Fotos sehen"],
  [google + "cloud-platform", "change", "See, change and delete your Google Cloud data",
    "Ihre Google-Cloud-Daten sehen, ändern und löschen"],

  ["User.Read", "who", "See your name and profile", "Ihren Namen und Ihr Profil sehen"],
  ["User.ReadBasic.All", "see", "See the names of people in your organisation",
    "Namen von Personen Ihrer Organisation sehen"],
  ["Mail.Read", "see", "Read your mail", "Ihre E-Mails lesen"],
  ["Mail.ReadWrite", "change", "Read, write and delete your mail", "Ihre E-Mails lesen, schreiben und löschen"],
  ["Mail.Send", "change", "Send mail for you", "In Ihrem Namen E-Mails senden"],
  ["Calendars.Read", "see", "See your calendars", "Ihre Kalender sehen"],
  ["Calendars.ReadWrite", "change", "See and change your calendars", "Ihre Kalender sehen und ändern"],
  ["Contacts.Read", "see", "See your contacts", "Ihre Kontakte sehen"],
  ["Contacts.ReadWrite", "change", "See and change your contacts", "Ihre Kontakte sehen und ändern"],
  ["Files.Read", "see", "See your files", "Ihre Dateien sehen"],
  ["Files.Read.All", "see", "See all files you have access to", "Alle Dateien sehen, auf die Sie Zugriff haben"],
  ["Files.ReadWrite", "change", "See, change and delete your files", "Ihre Dateien sehen, ändern und löschen"],
  ["Files.ReadWrite.All", "change", "See, change and delete all files you have access to",
    "Alle Dateien sehen, ändern und löschen, auf die Sie Zugriff haben"],
  ["Sites.Read.All", "see", "See the SharePoint sites you have access to",
    "SharePoint-Sites sehen, auf die Sie Zugriff haben"],
  ["Tasks.ReadWrite", "change", "See and change your tasks", "Ihre Aufgaben sehen und ändern"],
  ["Notes.Read", "see", "See your notebooks", "Ihre Notizbücher sehen"],
  ["Chat.Read", "see", "Read your chats", "Ihre Chats lesen"],
];

const order = ["change", "see", "keep", "who", "other"];

/**
 * What a connection may do: each thing once, the weightiest first. Entries without words carry the scope itself.
 * @param {Record<string, [kind: string, en: string, de: string]> | undefined} own the words of the provider's file
 * @param {string[]} scopes @param {string} lang
 * @returns {{ kind: Kind | "other", words?: string, scope?: string }[]}
 */
export function allowed(own, scopes, lang) {
  /** @type {Map<string, { kind: Kind | "other", words?: string, scope?: string }>} */
  const found = new Map();
  for (const scope of scopes) {
    const bare = scope.replace(/^https:\/\/graph\.microsoft\.com\//, "");
    const row = (own && Object.hasOwn(own, bare) && own[bare]) || common.find(([s]) => s === bare)?.slice(1);
    const entry = row
      ? { kind: /** @type {Kind} */ (row[0] || "other"), words: lang === "de" ? row[2] : row[1] }
      : { kind: /** @type {"other"} */ ("other"), scope };
    found.set(entry.words || scope, entry);
  }
  return [...found.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}
