package httpfield_test

import (
	"net/http"
	"testing"
	"time"

	"bff/internal/httpfield"
)

func TestRetryAfterReadsBothFormsWithinItsLimit(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, row := range []struct {
		name, value string
		want        time.Duration
	}{
		{"seconds", "7", 7 * time.Second},
		{"seconds with spaces around", " 7 ", 7 * time.Second},
		{"more seconds than the limit", "86400", time.Hour},
		{"a number too large for a duration", "99999999999999999999", 0},
		{"a negative number", "-7", 0},
		{"a fraction", "1.5", 0},
		{"a date ahead", now.Add(90 * time.Second).Format(http.TimeFormat), 90 * time.Second},
		{"a date behind", now.Add(-time.Minute).Format(http.TimeFormat), 0},
		{"a date years ahead", now.AddDate(9, 0, 0).Format(http.TimeFormat), time.Hour},
		{"nothing", "", 0},
		{"words", "soon", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := httpfield.RetryAfter(http.Header{"Retry-After": {row.value}}, now, time.Hour)
			if got != row.want {
				t.Errorf("%v, want %v", got, row.want)
			}
		})
	}
}
