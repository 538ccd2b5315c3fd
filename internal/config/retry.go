package config

import (
	"strconv"
	"time"
)

// retryField is the key that says which answers of an upstream are not passed on at once.
func (a *API) retryField() field {
	const want = "write `statuses:` below it, as in `retry: {statuses: [429, 503]}`"
	return field{name: "retry", absent: "no call is made twice",
		about: "Answers that are not passed on at once: the call is made again. Only `GET`, `HEAD` and `OPTIONS` without a " +
			"body are.",
	}.object(want, []field{
		field{name: "statuses", example: "[429, 503]", about: "The statuses of such answers.",
			missing: "write which answers, as in `statuses: [429, 503]`",
		}.by(listSchema(schema{"type": "integer", "minimum": 400, "maximum": 599}), func(v value) {
			a.Retry.Statuses = nil
			v.list("write a list of statuses, as in `statuses: [429, 503]`", func(_ int, in value) {
				if n, ok := in.number(400, 599); ok {
					a.Retry.Statuses = append(a.Retry.Statuses, n)
				}
			})
		}),
		field{name: "attempts", absent: "`2`", about: "How many more, at most."}.number(&a.Retry.Attempts, 1, 5),
		field{name: "wait", absent: "`5s`", about: "The longest before one. `Retry-After` is honoured up to it; an answer that " +
			"asks for more is passed on."}.duration(&a.Retry.Wait, 100*time.Millisecond, time.Minute),
	}, func(v value, there map[string]value) {
		if len(a.Retry.Statuses) == 0 && there["statuses"].r != nil && len(v.r.mistakes) == 0 {
			v.wrong("%s names no status; %s", v.name(), want)
		}
		for _, s := range a.Retry.Statuses {
			if s == 401 || s == 403 {
				v.wrong("%s has %s, which a call made again does not change; remove it", v.name(), strconv.Itoa(s))
			}
		}
	})
}
