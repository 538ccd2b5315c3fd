// Package tripwire finds a few known secrets in a stream and overwrites them with as many asterisks while the stream
// flows. It knows no HTTP.
//
//	New(secrets) ─► Set          immutable: what to look for; made once for a session, shared by its calls
//	Set.NewStream ─► Stream      one direction of one connection: Pass takes a chunk and gives what may go out
//	NewReader                    a Stream around an io.Reader
//
// # What is found
//
// A secret as it is, in base64 and base64url at each of the three alignments, and in hexadecimal; and every one of these
// with percent escapes of any of its secret's characters and with JSON, JavaScript and HTML escapes in it (\u002B, \/, \x2b,
// &#x2F;, &amp;), also escapes of escapes. It is found across the borders of chunks.
//
// # How
//
// Each form of a secret (a needle) has an anchor of 32 bytes, or of 16 or 8 where a secret is shorter. Wherever that
// stands in a stream, it covers exactly one of the samples of 4 bytes that are taken every 29 (13, 5) bytes; an index
// knows the samples that the anchors can give. What the index knows is compared in full. Only a chunk that
// holds an escape of a printable character, of a secret's own where it is a percent escape, is unescaped and searched a
// second time.
//
// What may be the beginning of a needle waits for the next chunk. Of a needle that comes in pieces up to 7 leading
// bytes may have gone out before it is known: they reveal nothing. Secrets under 8 bytes are not looked for.
package tripwire
