// Package proxy carries one call to an upstream API and its answer back. It owns the reading of a path, the
// allow-list, the header filters, the rewriting of URLs, the retry after a refused token, the tripwire and every
// stream. It knows no session and no provider: a [Credential] is all it is told.
//
//	CheckLine ─► Find ───────────────► Serve
//	any route    one reading of the    headers out ─► upstream ─► 401 that means the token? Renew, once more
//	400          path, allow-list      body as it    │
//	             400, 403              comes         └─► challenge? ─► headers back ─► URLs ─► tripwire ─► body as it comes
//	                                                     missing scopes
//
// # The rules are
//
//  1. A path is read once. What is matched is what is sent: the escaped path below the mount goes below the upstream's base byte for byte.
//     What two readers could read differently is refused, not cleaned: %2F, %5C, encoded dots, dot segments in any coat, ";", "//", control
//     bytes, bytes that are not ASCII, escapes of escapes. An operator allows one such segment by writing it in a pattern exactly as it will
//     come, or by naming its wildcard in Encoded. A backslash, a control byte and a dot segment are never allowed.
//  2. The query takes no part in that, and passes byte for byte but for bff_connection. A query that names another method for the upstream to
//     believe ("_method", "$httpMethod" …) is not allowed: the list would have been for show. A body may still hold such a field; an upstream
//     that obeys it cannot be protected by a list of methods and paths. Nor can GraphQL and batch endpoints: they are one path.
//  3. A header passes by its shape (letters, digits, "-", "_", "."), folded to one spelling, unless it is ours, speaks of who is asking, of
//     where from, or of this hop. Origin, Referer and Sec-* stay here: an upstream is to decide nothing about the page. User-Agent and
//     Accept-Encoding pass untouched. No Via is written: compression is turned off by servers that see one. Upgrade is for WebSocket alone.
//  4. Nothing is buffered: a request's first 64 KiB are kept while they stream, so that they can be sent again after a 401, or when a connection took
//     nothing of them; nothing waits.
//  5. Nothing has a total time. The header has Timeout from the last byte of the request the upstream was given, what flows has Idle.
//  6. An answer that breaks off breaks off here too: the client never sees a clean end that was none.
//
// # What an upstream may not say on this origin
//
// Its answers are served on the application's own origin, so they must not be able to speak for it. Set-Cookie,
// Access-Control-*, Clear-Site-Data, Strict-Transport-Security, Alt-Svc, Service-Worker-Allowed, Reporting-Endpoints,
// X-Accel-Redirect, Refresh, Basic challenges and their kin are dropped, as is every BFF-*. Each answer gets
//
//	X-Content-Type-Options: nosniff
//	Cross-Origin-Resource-Policy: same-origin
//	Content-Security-Policy: sandbox allow-downloads; default-src 'none'; …
//
// which changes nothing for fetch, images, media and downloads, and makes any document an upstream may hold (an HTML
// file in somebody's drive) one without scripts, in an origin of its own. application/pdf is left out of the sandbox:
// browsers refuse to show it there, and run it apart anyway. A request of a browser for a script, a style, a worker
// or a plug-in (Sec-Fetch-Dest) is not allowed at all: an upstream's bytes never become code of this origin, not even
// where the page's own policy says 'self'.
//
// # The tripwire
//
// The proxy knows which secrets a call carries. When an upstream echoes one, in a header, a trailer, a body or a
// WebSocket, as it is, in base64, hex, percent- or JSON-escaped, it is overwritten with as many asterisks while it
// streams, across the borders of chunks, then logged and counted. Inside of what is compressed (Content-Encoding,
// permessage-deflate) it cannot look, and it does not look for secrets under 8 bytes. Of a secret that comes in
// pieces, up to 7 leading bytes may be gone before it is known; they tell nothing.
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
