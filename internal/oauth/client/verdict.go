package client

import (
	"net/http"
	"slices"
	"strings"

	"bff/internal/oauth/providers"
)

// A Verdict is what a token endpoint's answer means. It is reached once, from the parsed answer.
type Verdict int

// The verdicts.
const (
	Granted       Verdict = iota
	DeadGrant             // the grant is dead: definite
	ClientRefused         // the provider refuses bff itself, whoever asks: its client id or secret
	GrantRefused          // the provider refuses this one request, in words that are not known to mean a dead grant
	Unspent               // transient, and the refresh token was not used
	Unclear               // transient, and the refresh token may have been used: the answer is lost
)

// String is what metrics call it.
func (v Verdict) String() string {
	return [...]string{Granted: "refreshed", DeadGrant: "dead", ClientRefused: "refused", GrantRefused: "grant_refused",
		Unspent: "unavailable", Unclear: "lost"}[v]
}

// Outcomes are the names of all verdicts.
func Outcomes() (all []string) {
	for v := Granted; v <= Unclear; v++ {
		all = append(all, v.String())
	}
	return all
}

// Verdict says what the answer means.
func (a *Answer) Verdict() Verdict {
	switch {
	case a.err == nil:
		return Granted
	case a.Status == 0 && !a.sent.Load():
		return Unspent
	case a.Dead() != "":
		return DeadGrant
	case a.Status == 0, a.Status >= 500, a.TooLarge:
		return Unclear // broken off after it had left; and a gateway's 504 says nothing about what happened behind it
	case a.Status == http.StatusTooManyRequests:
		return Unspent
	}
	switch strings.ToLower(a.Code) {
	case "temporarily_unavailable", "server_error", "slow_down", "rate_limited", "ratelimited", "rate_limit_exceeded":
		return Unspent
	case "invalid_client", "deleted_client":
		return ClientRefused
	case "", codeOther:
		if a.Status >= 400 && a.Fields != nil {
			return Unspent // it was refused, in an object that nothing reads
		}
		return Unclear // no OAuth answer at all: a success that cannot be read, a redirect, somebody's error page
	}
	return GrantRefused
}

// AboutProvider reports whether the answer says something about the provider, and not only about the one grant that
// was asked for: none came, it failed, or what came is no answer of a token endpoint.
func (a *Answer) AboutProvider() bool { return a.Status < 400 || a.Status >= 500 }

// AboutOperator reports whether an answer to Obtain refuses the operator's credential: everybody's calls wait for the
// operator.
func (a *Answer) AboutOperator() bool {
	v := a.Verdict()
	return v == ClientRefused || v == DeadGrant || v == GrantRefused ||
		a.Status >= 400 && a.Status < 500 && a.Status != http.StatusTooManyRequests && a.Status != http.StatusRequestTimeout
}

// Unreadable reports whether the provider refused in a form that no field of its configuration reads.
func (a *Answer) Unreadable() bool {
	return a.err != nil && (a.Code == "" || a.Code == codeOther) &&
		(a.Status >= 400 && a.Status < 500 && a.Status != http.StatusTooManyRequests ||
			a.Status == http.StatusOK && a.Fields != nil && !a.TooLarge)
}

// Dead is why the grant is dead, if the answer says that it is; else "". A status that means something else, 429 or
// 5xx, counts only where a rule names it.
func (a *Answer) Dead() string {
	if a.Status == 0 {
		return ""
	}
	if a.refresh {
		if i := slices.IndexFunc(a.cfg.Token.RefusedRefresh, a.matches); i >= 0 {
			return a.cfg.Token.RefusedRefresh[i].Reason
		}
	}
	if a.Code == "" || a.Status == http.StatusTooManyRequests || a.Status >= 500 {
		return ""
	}
	for code, reason := range a.cfg.Token.GrantErrors {
		if strings.EqualFold(code, a.Code) {
			return reason
		}
	}
	switch {
	case !strings.EqualFold(a.Code, "invalid_grant"):
		return ""
	case a.subtype == "invalid_rapt":
		return ReasonSessionPolicy
	}
	return ReasonRevoked
}

// matches reports whether every condition of a rule holds.
func (a *Answer) matches(r providers.RefusedRefresh) bool {
	contains := func(text, part string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(part)) }
	switch {
	case r.Status != a.Status && (r.Status != 0 || a.Status == http.StatusTooManyRequests || a.Status >= 500):
		return false
	case r.Code != "" && !strings.EqualFold(r.Code, a.Code):
		return false
	case r.Description != "" && !contains(a.description(), r.Description):
		return false
	case r.Path != "" && !strings.EqualFold(a.Fields.Text(r.Path), r.Value):
		return false
	}
	return true
}

// description is the text beside an error's code, wherever providers put it.
func (a *Answer) description() string {
	for _, path := range [...]string{"error_description", "error.message", "message", "reason",
		"errors.0.message", "errmsg", "msg"} {
		if s, ok := a.Fields.At(path).(string); ok {
			return s
		}
	}
	return ""
}

// KnownCode lets only the standards' own error codes through to a log line: anything else is a stranger's text.
func (a *Answer) KnownCode() string {
	switch a.Code {
	case "invalid_client",
		"unauthorized_client",
		"invalid_request",
		"unsupported_grant_type",
		"invalid_scope",
		"deleted_client",
		"invalid_grant":
		return a.Code
	}
	return "other"
}
