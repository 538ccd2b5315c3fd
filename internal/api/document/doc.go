// Package document reads and changes JSON objects that callers keep here: a user's preferences, the data of services.
//
//	GET    the object, "{}" before the first write, with its ETag
//	PATCH  RFC 7396 merge; If-Match is honoured (RFC 9110 section 13.1.1), 412 conflict
//
// What is read is strict: valid UTF-8, no name twice in an object, nested within a bound, numbers kept as written.
package document
