// Scopes in plain words. A row: scope, kind, English, German. A scope that is not here is shown as it is: better no
// words than wrong ones.
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

/** @type {Record<string, Row[]>} Names that mean something at one provider only. */
const own = {
  github: [
    ["repo", "change", "See and change all your repositories, private ones too",
      "Alle Ihre Repositorys sehen und ändern, auch private"],
    ["public_repo", "change", "See and change your public repositories",
      "Ihre öffentlichen Repositorys sehen und ändern"],
    ["repo:status", "change", "See and set commit statuses", "Commit-Status sehen und setzen"],
    ["user", "change", "See and change your profile", "Ihr Profil sehen und ändern"],
    ["read:user", "who", "See your profile", "Ihr Profil sehen"],
    ["user:email", "who", "See your email addresses", "Ihre E-Mail-Adressen sehen"],
    ["user:follow", "change", "Follow and unfollow people for you", "In Ihrem Namen Personen folgen und entfolgen"],
    ["read:org", "see", "See your organisations and teams", "Ihre Organisationen und Teams sehen"],
    ["gist", "change", "Create and change gists", "Gists anlegen und ändern"],
    ["notifications", "see", "See your notifications", "Ihre Benachrichtigungen sehen"],
    ["workflow", "change", "Change your workflows", "Ihre Workflows ändern"],
    ["read:packages", "see", "Download packages", "Pakete herunterladen"],
    ["write:packages", "change", "Upload packages", "Pakete hochladen"],
    ["delete_repo", "change", "Delete your repositories", "Ihre Repositorys löschen"],
    ["project", "change", "See and change your projects", "Ihre Projekte sehen und ändern"],
    ["read:project", "see", "See your projects", "Ihre Projekte sehen"],
  ],
  gitlab: [
    ["api", "change", "Do everything you can do", "Alles tun, was Sie tun können"],
    ["read_api", "see", "See everything you can see", "Alles sehen, was Sie sehen können"],
    ["read_user", "who", "See your profile", "Ihr Profil sehen"],
    ["read_repository", "see", "See your repositories", "Ihre Repositorys sehen"],
    ["write_repository", "change", "See and change your repositories", "Ihre Repositorys sehen und ändern"],
  ],
  slack: [
    ["users:read", "see", "See the people in your workspace", "Personen Ihres Workspace sehen"],
    ["users:read.email", "see", "See the email addresses in your workspace", "E-Mail-Adressen Ihres Workspace sehen"],
    ["channels:read", "see", "See your public channels", "Ihre öffentlichen Kanäle sehen"],
    ["channels:history", "see", "Read messages in public channels", "Nachrichten in öffentlichen Kanälen lesen"],
    ["chat:write", "change", "Send messages for you", "In Ihrem Namen Nachrichten senden"],
    ["files:read", "see", "See files in your channels", "Dateien in Ihren Kanälen sehen"],
    ["search:read", "see", "Search your workspace", "Ihren Workspace durchsuchen"],
  ],
  discord: [
    ["identify", "who", "See your name and profile", "Ihren Namen und Ihr Profil sehen"],
    ["guilds", "see", "See the servers you are in", "Die Server sehen, in denen Sie sind"],
    ["connections", "see", "See accounts linked to your profile", "Mit Ihrem Profil verknüpfte Konten sehen"],
  ],
  spotify: [
    ["user-read-private", "who", "See your subscription and country", "Ihr Abonnement und Land sehen"],
    ["user-read-email", "who", "See your email address", "Ihre E-Mail-Adresse sehen"],
    ["user-library-read", "see", "See your library", "Ihre Bibliothek sehen"],
    ["user-library-modify", "change", "Change your library", "Ihre Bibliothek ändern"],
    ["playlist-read-private", "see", "See your private playlists", "Ihre privaten Playlists sehen"],
    ["playlist-modify-private", "change", "Change your private playlists", "Ihre privaten Playlists ändern"],
    ["playlist-modify-public", "change", "Change your public playlists", "Ihre öffentlichen Playlists ändern"],
    ["user-read-playback-state", "see", "See what you are playing", "Sehen, was Sie gerade hören"],
    ["user-modify-playback-state", "change", "Control your playback", "Ihre Wiedergabe steuern"],
  ],
  dropbox: [
    ["account_info.read", "who", "See your profile", "Ihr Profil sehen"],
    ["files.metadata.read", "see", "See the names and details of your files", "Namen und Angaben Ihrer Dateien sehen"],
    ["files.content.read", "see", "See what is in your files", "Den Inhalt Ihrer Dateien sehen"],
    ["files.content.write", "change", "Change, create and delete your files",
      "Ihre Dateien ändern, anlegen und löschen"],
    ["sharing.write", "change", "Share your files", "Ihre Dateien freigeben"],
  ],
  atlassian: [
    ["read:me", "who", "See your profile", "Ihr Profil sehen"],
    ["read:jira-user", "see", "See people in Jira", "Personen in Jira sehen"],
    ["read:jira-work", "see", "See your Jira projects and issues", "Ihre Jira-Projekte und -Vorgänge sehen"],
    ["write:jira-work", "change", "Create and change Jira issues", "Jira-Vorgänge anlegen und ändern"],
  ],
  linkedin: [
    ["w_member_social", "change", "Post and comment for you", "In Ihrem Namen Beiträge und Kommentare schreiben"],
  ],
  linear: [
    ["read", "see", "See your workspace", "Ihren Workspace sehen"],
    ["write", "change", "Change your workspace", "Ihren Workspace ändern"],
    ["issues:create", "change", "Create issues", "Vorgänge anlegen"],
  ],
};

const order = ["change", "see", "keep", "who", "other"];

/**
 * What a connection may do: each thing once, the weightiest first. Entries without words carry the scope itself.
 * @param {string} provider @param {string[]} scopes @param {string} lang
 * @returns {{ kind: Kind | "other", words?: string, scope?: string }[]}
 */
export function allowed(provider, scopes, lang) {
  /** @type {Map<string, { kind: Kind | "other", words?: string, scope?: string }>} */
  const found = new Map();
  for (const scope of scopes) {
    const bare = scope.replace(/^https:\/\/graph\.microsoft\.com\//, "");
    const row = (own[provider] || []).find(([s]) => s === bare) || common.find(([s]) => s === bare);
    const entry = row
      ? { kind: row[1], words: lang === "de" ? row[3] : row[2] }
      : { kind: /** @type {"other"} */ ("other"), scope };
    found.set(entry.words || scope, entry);
  }
  return [...found.values()].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}
