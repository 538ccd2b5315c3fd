// Package route carries every request of both listeners through one pipeline: a table of rows, each with its
// policies, and the steps that all of them go through.
//
//	id ─► panic ─► clean line ─► row ─► front ─► headers ─► session or client ─► who ─► from where ─► handler ─► answer
//	               400           404, 405  400, 421        400, 503             401    403           …          one writer
//
// A row without a policy cannot be put into a table. There is no exemption by user agent, header, path pattern or
// address.
//
// # What can go wrong
//
//   - A handler panics: 500 internal with a fixed text; the log has the type of what was thrown and the stack, never
//     its value.
//   - The store is down: 503, and no cookie is touched.
//   - Two session cookies: 400, since a sibling sub-domain may have planted one.
//   - A body without end: a row reads 64 KiB at most, and for ten seconds in all (body.go); what nobody reads has a
//     second behind the answer, and then the connection ends. The body of a carried call has the idle time of its
//     mount instead, which package proxy watches.
//
// Standards: RFC 9110, RFC 9457, the Fetch Metadata and Fetch specifications, W3C Trace Context.
package route
