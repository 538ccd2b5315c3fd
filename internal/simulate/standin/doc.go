// Package standin stands in for one provider in a trial: it is what the provider's file says, or, where answers of the
// real one were recorded, what those say. It holds every request to the letter: an address, a header, a parameter or a
// scope that the file does not name is refused, and why is noted.
//
//	Network ─► StandIn ─► which endpoint ─► trouble ─► what the file says of the request ─► an answer in the file's shape
//
// Each part answers for one concern: grants keeps what was issued, words refuses, shape, scopes and people say how the
// file has it, page and tokens are the endpoints.
//
// It knows nothing of the product. Whether the file says the truth about the provider it cannot know.
package standin
