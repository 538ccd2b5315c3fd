package whois

import "time"

// Age makes the keys older, for tests.
func (v *Verifier) Age(by time.Duration) { v.fetched = v.fetched.Add(-by) }
