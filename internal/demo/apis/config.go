package apis

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"bff/internal/demo/answer"
	"bff/internal/demo/journal"
	"bff/internal/demo/provider"
)

// Config says what the APIs need of the provider that they belong to.
type Config struct {
	Access func(*http.Request) (provider.Access, bool) // what a request's access token allows; false without a good one
	Log    *journal.Journal
	Now    func() time.Time
}

// apiError is the older of Google's two formats, which Calendar and Drive speak.
func apiError(w http.ResponseWriter, status int, reason, message string) {
	one := map[string]any{"message": message, "domain": "global", "reason": reason}
	body := map[string]any{"code": status, "message": message, "errors": []any{one}}
	switch status {
	case http.StatusUnauthorized:
		one["message"], one["location"], one["locationType"] = "Invalid Credentials", "Authorization", "header"
		body["status"] = "UNAUTHENTICATED"
	case http.StatusForbidden:
		one["domain"] = "usageLimits"
		if reason == "insufficientPermissions" {
			one["domain"], body["status"] = "global", "PERMISSION_DENIED"
		}
	}
	answer.JSON(w, status, map[string]any{"error": body})
}

// page cuts one page out of n items: where it starts, where it ends, and the token of the next one.
func page(r *http.Request, sizeParam string, size, n int) (from, to int, next string) {
	q := r.URL.Query()
	if v, err := strconv.Atoi(q.Get(sizeParam)); err == nil && v > 0 {
		size = min(v, 1000)
	}
	from, err := strconv.Atoi(strings.TrimPrefix(q.Get("pageToken"), "p"))
	if err != nil || from < 0 || from > n {
		from = 0
	}
	to = min(from+size, n)
	if to < n {
		next = "p" + strconv.Itoa(to)
	}
	return from, to, next
}
