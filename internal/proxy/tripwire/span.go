package tripwire

// A span is a range of bytes; end is not part of it.
type span struct{ start, end int }

// remember returns the last keep bytes of past and b.
func remember(past, b []byte, keep int) []byte {
	if len(b) >= keep {
		return append(past[:0], b[len(b)-keep:]...)
	}
	if drop := len(past) + len(b) - keep; drop > 0 {
		past = past[:copy(past, past[drop:])]
	}
	return append(past, b...)
}
