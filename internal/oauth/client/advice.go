package client

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	adviseAfter = 3 // answers that nothing reads
	adviseEvery = time.Hour
)

// An Advice is what to write into a provider's file, so that an answer is read that nothing reads. Both are fixed
// words: nothing of the answer is in them.
type Advice struct {
	Field string // the key, "" where none would help
	Text  string
}

// Advice looks for what the answer's meaning stands in.
func (a *Answer) Advice() Advice {
	switch {
	case a.Fields == nil:
		return Advice{"", "the answer is neither JSON nor a form: is `token_url` right, and does the provider want a " +
			"header (`token_headers: {Accept: application/json}`)?"}
	case a.Status < http.StatusBadRequest && a.Code == "":
		for _, in := range [...]string{"data", "result", "response", "token", "authed_user", "body"} {
			if a.Fields.Text(in+".access_token") != "" {
				return Advice{"token_path", "the tokens stand inside an object: write `token_path: " + in + "`"}
			}
		}
		for _, name := range [...]string{"token", "accessToken", "data.token", "data.accessToken"} {
			if a.Fields.Text(name) != "" {
				return Advice{"answer_names", "the access token has another name: write `answer_names: {access_token: " +
					name + "}`"}
			}
		}
	case a.Code != "" && a.Code != codeOther:
		return Advice{"grant_errors", fmt.Sprintf("if its error means that the grant has ended, write it below `grant_errors`, "+
			"or `refused_refresh: [{status: %d, description: …, reason: revoked}]`", a.Status)}
	}
	for _, path := range [...]string{"errors.0.errorType", "errors.0.code", "errors.0.reason", "errors.0.error",
		"error.code", "error.type", "error.status", "error.error", "errcode", "error_code", "errorCode", "code",
		"error.message", "message"} {
		if a.Fields.Text(path) != "" {
			return Advice{"error_field", fmt.Sprintf("its error stands elsewhere: write `error_field: %s`, and below `grant_errors` "+
				"those that mean that the grant has ended", path)}
		}
	}
	return Advice{"refused_refresh", fmt.Sprintf("if status %d means that the grant has ended, write "+
		"`refused_refresh: [{status: %d, reason: revoked}]`", a.Status, a.Status)}
}

// Unread notes an answer that nothing reads. After a few of them, and then once an hour, the log says what would.
func (s *Reports) Unread(a *Answer) Advice {
	advice := a.Advice()
	now := s.now()
	s.mu.Lock()
	s.unread++
	due := s.unread >= adviseAfter && now.Sub(s.advised) >= adviseEvery
	if due {
		s.advised = now
	}
	s.mu.Unlock()
	if due {
		s.log.Warn("answers of the provider cannot be read", "provider", s.provider, "field", advice.Field, "advice", advice.Text,
			"status", a.Status, "code", a.KnownCode())
	}
	return advice
}

// Reason is what explanations call the advice, of the closed list of [audit.Event.Reason].
func (a Advice) Reason() string { return strings.TrimSuffix("unread_"+a.Field, "_") }
