// Package wire calls upstreams over HTTP/1.1 on the caller's own goroutine: what it writes and reads wakes nobody else.
//
//	Client.RoundTrip ─► no body, HTTP/1.1? ─► a connection that is idle and silent, or a new one
//	                         │                      │ write the request, read the answer's header (http.ReadResponse)
//	                         └─► http.Transport     └─► the body, as it is read ─► its exact end? idle again : closed
//
// # The rules are
//
//  1. GET and HEAD without a body alone. A body has to be written while the answer is read, which is http.Transport's
//     work; so are HTTP/2, an HTTP proxy, upgrades, Expect, and hosts that may only be dialled on the internet.
//  2. Over TLS the first call of a host is http.Transport's, which finds out what the host speaks. A host that speaks
//     HTTP/2 stays there. What was found is asked again after some minutes.
//  3. Answers are read by net/http's own parser, its header within a bound.
//  4. A connection is used again only after an answer that left no doubt: HTTP/1.1, one length or one chunked coding and
//     not both, no folded line, no line that ends without CR, a header that came whole, read to its exact end, and not
//     one byte behind it. In doubt it is closed.
//  5. Before a connection is used again the socket is asked, without waiting, whether anything came while it was idle: a
//     byte nobody asked for, or the end. Then it is closed.
//  6. A call is sent again only when a connection that was used before took it and said not one byte, as http.Transport
//     does (RFC 9112 section 9.3.1).
//  7. The end of the caller's context ends every wait, and the connection: by a reset, which leaves no port behind.
package wire
