// Package httpfield reads header fields of HTTP for which net/http has no reader.
//
//	Retry-After (RFC 9110 section 10.2.3) ─► RetryAfter ─► a wait within the caller's limit
//
// It owns the forms of a field, and refuses what is none of them: a field that cannot be read is a field that is absent.
// What a caller does with the value is the caller's.
package httpfield
