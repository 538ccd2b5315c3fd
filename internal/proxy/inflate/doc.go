// Package inflate decodes DEFLATE (RFC 1951) piece by piece, for whoever looks at what a stream says while it flows.
//
//	Decoder.Decode    takes the bytes there are; gives what they decode to, and says how many it has read
//
// compress/flate asks for one byte after the other, and keeps no account of what it has read and not given yet. Here
// the bytes come as they are there, eight are looked at in one step, and every symbol that is whole has been given
// when Decode returns. Codes are looked up in tables: one of 2^10 entries, with a further one where a code is longer.
//
// A distance that reaches before the stream's first byte is an error, so a Decoder that is used again cannot show what
// it decoded before.
package inflate
