// Package proxy carries one call to an upstream API and its answer back. It owns the reading of a path, the
// allow-list, the header filters, the rewriting of URLs, the retry after a refused token, the tripwire and every
// stream. It knows no session and no provider: a [Credential] is all it is given.
//
//	CheckLine ─► Find ───────────────► Serve
//	any route    one reading of the    headers out ─► upstream ─► 401 that means the token? Renew, once more
//	400          path, allow-list      body as it    │
//	             400, 403              comes         └─► challenge? ─► headers back ─► URLs ─► tripwire ─► body as it comes
//	                                                     missing scopes
//
// # The rules are
//
//  1. A path is read once. What is matched is what is sent: the escaped path below the mount goes below the upstream's
//     base byte for byte. What two readers could read differently is refused, not cleaned: %2F, %5C, %3F, encoded dots,
//     dot segments in any disguise, ";", "//", control bytes, bytes that are not ASCII, escapes of escapes. %23 stands
//     in wildcards only. An operator allows one such segment by writing it in a pattern exactly as it will come, or by
//     naming its wildcard in Encoded. A bare backslash, a control byte and a dot segment are never allowed.
//  2. A custom verb (":append") in a wildcard makes another operation of a method that changes something: it is
//     refused where Verbs does not name the wildcard.
//  3. The query takes no part in that, and passes byte for byte but for bff_connection. A query that names another
//     method for the upstream to believe ("_method", "$httpMethod" …) is not allowed: the list would be for show. A
//     body may still hold such a field; an upstream that obeys it cannot be protected by a list of methods and paths.
//     Nor can GraphQL and batch endpoints: they are one path.
//  4. A header passes by its shape (letters, digits, "-", "_", "."), folded to one spelling, unless it is ours, of this
//     hop, or of a family that is refused: who is asking, where from, the page, another method or path, orders to a
//     front proxy (families.go). An api may name the fields that pass instead. User-Agent passes untouched, and of
//     Accept-Encoding what can be decoded. No Via is written: compression is turned off by servers that see one.
//     Upgrade is for WebSocket alone.
//  5. Nothing is buffered: a request's first 64 KiB are kept while they stream, so that they can be sent again after a
//     401, or when a connection took nothing of them; nothing waits.
//  6. Nothing has a total time. The header has Timeout from the last byte of the request the upstream was given, what
//     flows has Idle.
//  7. An answer that breaks off breaks off here too: the client never sees a clean end that was none.
//
// # What an upstream may not say on this origin
//
// Its answers are served on the application's own origin, so they must not be able to speak for it. Set-Cookie,
// Access-Control-*, Clear-Site-Data, Strict-Transport-Security, Alt-Svc, Service-Worker-Allowed, Reporting-Endpoints,
// X-Accel-Redirect, Refresh, Basic challenges and the like are dropped, as is every BFF-*. Each answer gets
//
//	X-Content-Type-Options: nosniff
//	Cross-Origin-Resource-Policy: same-origin
//	Content-Security-Policy: sandbox allow-downloads; default-src 'none'; …
//	Cache-Control: private, no-cache
//	Vary: Cookie, BFF-Connection, Sec-Fetch-Dest
//
// which changes nothing for fetch, images, media and downloads, and makes any document an upstream may hold (an HTML
// file in somebody's drive) one without scripts, in an origin of its own. application/pdf, audio/* and video/* are left
// out of the sandbox, since browsers do not show them there, and have policies without script; only a Content-Type that
// parses as exactly one type counts, and that type is written back. A request of a browser for a script, a style, a
// worker or a plug-in (Sec-Fetch-Dest) is not allowed at all: an upstream's bytes never become code of this origin, not
// even where the page's own policy says 'self'. Since a browser's cache asks again before it shows an answer, and for
// each Sec-Fetch-Dest by itself, that holds for what was fetched as an image before. What it asks with is bound to the
// account that the answer was of (validators.go).
//
// # Credentials
//
// What authenticates a call is a [Credential], made for each call by who calls Serve. A new kind is a type here. What
// it needs of the mount is a field of [Config], and what it needs of the connection is handed in where the api chooses
// (credentialOf, in package api).
//
// # Targets
//
// Where an api's upstream depends on the connection, a call brings its [Target] ([Caller].Target): bases in the order of
// the mount's, and values of header fields. What is carried and which URLs of an answer are the mount's both follow it;
// the allow-list does not. A host that is not the operator's word is dialled on the internet only (package dial).
//
// # Backends
//
// An upstream of the operator's own (Config.Backend) is trusted with its origin: documents, policies, caching and
// cookies pass. It never sees bff's cookies nor sets one of their names, BFF-* and Access-Control-* do not come back,
// and X-Forwarded-For, -Host and -Proto, which bff writes, say what the browser called.
//
// # The tripwire
//
// The proxy knows which secrets a call carries (package tripwire). When an upstream echoes one, in a header, a
// trailer, a body or a WebSocket, it is overwritten while it streams, then logged and counted. A compressed body
// (package coding) goes out as its decoded copy is seen, and breaks off when a secret is in it. WebSocket extensions
// are not negotiated: they would compress.
//
// # JSON fields that hold URLs
//
// Where an api names some, Accept-Encoding is reduced to gzip or identity, and a JSON answer comes back unencoded, in
// as many bytes as it has: without Content-Length and digests. Its ETag stays: the new bytes are a function of the
// old ones. Everything else passes untouched.
//
// Standards: RFC 9110, 9111 and 9112 (HTTP), RFC 3986 (URLs), RFC 6750 section 3 and RFC 9470 (challenges), RFC 6455
// (WebSocket), RFC 8288 (Link), RFC 8297 (103), RFC 10017 section 6.1.3.6 (the allow-list of a BFF).
package proxy
