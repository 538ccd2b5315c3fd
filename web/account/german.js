// What the account page says, in German.

/** @type {typeof import("./english.js").english} */
export const german = {
  title: "Ihr Konto",
  app: { app: "diese Anwendung", App: "Diese Anwendung", ofApp: "dieser Anwendung" },
  back: "Zurück zur Anwendung",
  backTo: "Zurück zu {name}",
  skip: "Zu Ihrem Konto springen",
  otherLanguage: "English",
  loading: "Ihr Konto wird nachgeschlagen …",
  signedInWith: "Angemeldet mit {title}",
  since: "Registriert {date}",
  rights: "Was Sie hier dürfen",
  signOut: "Abmelden",
  signOutFails: "Sie konnten gerade nicht abgemeldet werden. Bitte versuchen Sie es noch einmal.",
  noAnswer: "Es kam keine Antwort; es kann geschehen sein oder nicht. Prüfen Sie Ihre Verbindung, laden Sie diese Seite " +
    "neu, und sehen Sie nach.",
  alsoAt: "Sie sind hier abgemeldet. Bei {title} sind Sie vielleicht noch angemeldet.",
  alsoAtButton: "Auch bei {title} abmelden",
  ends: "Diese Sitzung endet von selbst: {idle}, wenn sie nicht benutzt wird, und spätestens {end}.",

  linked: "Verknüpfte Konten",
  linkedHint: "Was {app} in Ihrem Namen nutzen darf. Die Schlüssel zu diesen Konten bleiben auf dem Server, nie in " +
    "Ihrem Browser.",
  noneLinked: "Es ist kein Konto verknüpft. Angemeldet sind Sie trotzdem.",
  usedToSignIn: "Damit angemeldet",
  signsIn: "Meldet Sie an",
  linkedOnly: "Nur verknüpft",
  alsoSignsIn: "Anmelden können Sie sich auch mit",
  alsoSignsInHint: "Diese Konten sind nicht verknüpft: Sie sagen nur, dass Sie es sind.",
  active: "Aktiv",
  broken: "Braucht Aufmerksamkeit",
  may: "{App} darf",
  mayAgain: "Neu verknüpft, darf {app}",
  mayNothing: "Außer der Anmeldung wurde nichts erlaubt.",
  keyNothing: "Benutzt wird, was Sie eingegeben haben, soweit {title} es erlaubt.",
  linkedAt: "Verknüpft",
  usedAt: "Zuletzt benutzt",
  endsAt: "Erlaubnis endet",
  neverUsed: "noch nicht",
  now: "gerade eben",
  repair: "Neu verknüpfen",
  unlink: "Trennen",
  unlinkName: "{title}, {account} trennen",
  repairName: "Neu verknüpfen: {title}, {account}",
  linkMore: "Weiteres Konto verknüpfen",
  provided: "Diese Dienste nutzt {app} mit eigenem Zugang; ein Konto von Ihnen ist dafür nicht zu verknüpfen: {titles}.",
  why: {
    revoked: "{title} lässt {app} das Konto nicht mehr nutzen: Der Zugriff wurde dort entzogen. Verknüpfen Sie es " +
      "neu, wenn das nicht gewollt war.",
    expired: "Die Erlaubnis bei {title} ist abgelaufen. Verknüpfen Sie das Konto neu, um fortzufahren.",
    session_policy: "Ihre Organisation verlangt von Zeit zu Zeit eine neue Anmeldung bei {title}. Verknüpfen Sie das " +
      "Konto neu, um fortzufahren.",
    rotated_away: "Die letzte Erneuerung dieser Verknüpfung ging unterwegs verloren. Mit Ihrem Konto ist alles in " +
      "Ordnung: Verknüpfen Sie es neu.",
    unknown: "{title} nimmt diese Verknüpfung nicht mehr an. Verknüpfen Sie das Konto neu.",
  },

  unlinkAsk: "{title} trennen?",
  unlinkWhat: [
    "{account} ist für {app} sofort verschwunden, auf diesem Gerät und überall, wo Sie diese Verknüpfung nutzen.",
    "{title} wird aufgefordert, die Erlaubnis zurückzunehmen. Nutzen andere Anwendungen desselben Herstellers sie " +
      "mit, können auch sie sie verlieren.",
    "Bei {title} wird nichts gelöscht. Sie können das Konto jederzeit neu verknüpfen.",
  ],
  unlinkStay: "Mit diesem Konto haben Sie sich angemeldet: Auf diesem Gerät bleiben Sie angemeldet.",
  unlinkSignIn: "Mit diesem Konto können Sie sich dann nicht mehr anmelden.",
  unlinkCancel: "Behalten",
  unlinked: "{title} ist getrennt und wird aufgefordert, die Erlaubnis zurückzunehmen.",
  unlinkFails: "{title} konnte gerade nicht getrennt werden. Nichts wurde geändert. Bitte versuchen Sie es noch " +
    "einmal.",

  formTitle: "{title} verknüpfen",
  formHint: "Was Sie hier eingeben, geht an den Server von {ofApp}, wird dort verschlüsselt aufbewahrt und nie " +
    "wieder angezeigt.",
  fields: { api_key: "API-Schlüssel", username: "Benutzername", password: "Passwort" },
  formSend: "Verknüpfen",

  sessions: "Wo Sie angemeldet sind",
  sessionsHint: "Beenden Sie, was Sie nicht erkennen. Es ist binnen einer Sekunde abgemeldet.",
  thisDevice: "Dieses Gerät",
  signedInAt: "angemeldet {time}",
  signedInOn: "auf {front}",
  seenAt: "zuletzt gesehen {time}",
  inUse: "gerade aktiv",
  end: "Abmelden",
  endName: "{device} abmelden",
  endNameOf: "{device}, angemeldet {time}, abmelden",
  endOthers: "Alle anderen Geräte abmelden",
  endOthersAsk: "Alle anderen Geräte abmelden?",
  endOthersWhat: [
    "Jedes andere Gerät und jeder andere Browser wird sofort abgemeldet.",
    "Hier bleiben Sie angemeldet, und Ihre Konten bleiben verknüpft.",
  ],
  cancel: "Abbrechen",
  ended: "{device} ist abgemeldet.",
  endedOthers: "Alle anderen Geräte sind abgemeldet.",
  endFails: "Dieses Gerät konnte gerade nicht abgemeldet werden. Bitte versuchen Sie es noch einmal.",
  onlyHere: "Sie sind nur auf diesem Gerät angemeldet.",
  device: (d) => ({ "Unknown device": "Unbekanntes Gerät" })[d] || d.replace(/^A browser on /, "Ein Browser unter ")
    .replace(/ on (iPhone|iPad)$/, " auf dem $1").replace(/ on /, " unter "),

  uses: "Benutzt, während Sie nicht da waren",
  usesHint: "Dienste von {ofApp}, die ein verknüpftes Konto ohne Sie benutzt haben, jeweils mit dem genannten Grund.",
  use: "{client} hat {account} benutzt",

  data: "Ihre Daten",
  dataHint: "Alles, was hier über Sie aufbewahrt wird, als Datei; oder nichts mehr davon. Daten von {ofApp} selbst " +
    "sind etwas anderes: Fragen Sie dort danach.",
  download: "Meine Daten herunterladen",
  erase: "Dieses Konto löschen",
  eraseAsk: "Das Konto von {name} löschen?",
  eraseWhat: [
    "Sie werden auf jedem Gerät abgemeldet.",
    "Verknüpfte Konten werden getrennt, und die Anbieter werden aufgefordert, ihre Erlaubnis zurückzunehmen.",
    "Ihre Einstellungen, Ihre Rechte und Ihre Registrierung werden gelöscht. Das lässt sich nicht rückgängig machen.",
  ],
  eraseFirst: "Damit sicher ist, dass Sie es sind, melden Sie sich zuerst neu an.",
  eraseSignIn: "Neu anmelden",
  eraseNow: "Alles löschen",
  eraseFails: "Das Konto konnte gerade nicht gelöscht werden. Nichts wurde geändert. Bitte versuchen Sie es noch " +
    "einmal.",

  signIn: "Anmelden",
  signInTo: "Bei {name} anmelden",
  signInHint: "Wählen Sie, wie. Danach können Sie hier alles sehen und trennen.",
  signInWith: "Weiter mit {title}",
  noProviders: "Noch gibt es keinen Weg, sich anzumelden: Es ist kein Anbieter eingerichtet.",
  over: {
    logout: "Sie sind abgemeldet.",
    ended_elsewhere: "Diese Sitzung wurde von einem anderen Gerät aus beendet.",
    provider: "Der Anbieter Ihres Kontos hat diese Sitzung beendet.",
    expired: "Ihre Sitzung ist abgelaufen. Melden Sie sich neu an, um fortzufahren.",
    erased: "Ihr Konto und alles, was hier davon aufbewahrt wurde, ist gelöscht.",
  },

  failed: {
    access_denied: "Sie haben beim Anbieter abgelehnt. Es wurde nichts verknüpft oder geändert.",
    login_expired: "Diese Anmeldung hat zu lange gedauert oder war schon abgeschlossen. Bitte beginnen Sie noch " +
      "einmal.",
    login_failed: "Der Antwort des Anbieters war nicht zu trauen, darum wurde sie verworfen. Bitte versuchen Sie es " +
      "noch einmal.",
    provider_unavailable: "Der Anbieter antwortet gerade nicht. Bitte versuchen Sie es etwas später noch einmal.",
    store_unavailable: "{App} erreicht gerade die Datenbank nicht. Bitte versuchen Sie es etwas später noch einmal.",
    wrong_account: "Sie haben ein anderes Konto gewählt als das, das neu verknüpft werden soll. Bitte wählen Sie " +
      "dasselbe, oder verknüpfen Sie das andere als weiteres Konto.",
    not_allowed: "Dieses Konto darf sich bei {ofApp} nicht anmelden. Fragen Sie dort nach, oder wählen Sie ein " +
      "anderes.",
    hook_failed: "{App} konnte Ihr Konto gerade nicht prüfen. Bitte versuchen Sie es etwas später noch einmal.",
    bad_request: "Etwas Eingegebenes fehlt oder ist nicht gültig. Bitte versuchen Sie es noch einmal.",
    other: "Das hat nicht geklappt. Bitte versuchen Sie es noch einmal.",
  },
  noCookies: "Zum Anmelden gehört ein Cookie, und dieser Browser behält von dieser Seite keines. Bitte erlauben Sie hier " +
    "Cookies und beginnen Sie noch einmal.",
  outage: "{App} kann Ihr Konto gerade nicht nachschlagen. Sie wurden nicht abgemeldet.",
  again: "Noch einmal versuchen",
  dismiss: "Schließen",
  footer: "Dieser Browser hat ein Cookie, das sagt, welche Sitzung Ihre ist. Die Schlüssel zu Ihren verknüpften " +
    "Konten liegen verschlüsselt auf dem Server.",
  footerOut: "Wenn Sie angemeldet sind, hat dieser Browser ein Cookie, das sagt, welche Sitzung Ihre ist. Die " +
    "Schlüssel zu " +
    "Ihren verknüpften Konten bleiben verschlüsselt auf dem Server.",
  doneTitle: "Fertig",
  doneText: "Sie können dieses Fenster schließen und weitermachen.",
  failedTitle: "Das hat nicht geklappt",
};
