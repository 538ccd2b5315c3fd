package httpfield

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter returns how long h asks to wait (Retry-After, RFC 9110 section 10.2.3: seconds, or a date that is compared
// with now), from 0 to limit. A field that is absent or is neither form is 0.
func RetryAfter(h http.Header, now time.Time, limit time.Duration) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, limit)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), limit)
	}
	return 0
}
