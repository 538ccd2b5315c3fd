// Package coding reads content codings (RFC 9110 section 8.4): which ones may be offered to a server, what an answer
// says it is in, and its plain bytes.
//
//	Offer      what of a client's Accept-Encoding a server may use
//	Of         what an answer is in
//	NewReader  the plain bytes of a body
//	Guard      the body as it came, each byte once somebody has looked at what it decodes to
package coding
