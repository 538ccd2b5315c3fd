// Package secret holds the one type for values that authenticate somebody: access and refresh tokens, client secrets,
// cookie values, codes, verifiers, keys. Every layer may import it; it imports nothing of bff.
//
// A value of this package prints as "[redacted]" through fmt, log/slog, encoding/json, encoding.TextMarshaler and
// CBOR. Reveal is the only way out, so that `grep Reveal` lists every place where a credential leaves its wrapper.
package secret
