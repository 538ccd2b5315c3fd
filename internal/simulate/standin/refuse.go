package standin

import (
	"fmt"
	"net/http"

	"bff/internal/oauth/providers"
)

// refuseToken is an error of the token endpoint, with its code where the file has it.
func (s *StandIn) refuseToken(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, s.refusal(code, description))
}

func (s *StandIn) refusal(code, description string) fields {
	out := fields{}
	field := "error"
	if s.file.Token.ErrorField != "" {
		field = s.file.Token.ErrorField
	}
	put(out, field, code)
	put(out, "error_description", description)
	return out
}

// refuseDead refuses a refresh token whose grant has ended, in the provider's first word for that.
func (s *StandIn) refuseDead(w http.ResponseWriter) {
	if all := s.DeadWords(); len(all) > 0 && all[0].recorded != nil {
		all[0].recorded.write(w, plain(all[0].recorded.Body))
		return
	}
	s.refuseToken(w, http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked.")
}

// A DeadWord is one way in which the provider says that a grant has ended.
type DeadWord struct {
	Name   string // what is said, in short
	Reason string // what bff makes of it; "" where nobody said
	Answer Answer
	Keys   []string // the keys of the file that have it

	recorded *Answer
}

// DeadWords are the ways that were recorded, or else those of the file, behind the standard's.
func (s *StandIn) DeadWords() (all []DeadWord) {
	if a := s.cfg.Answers; a != nil && len(a.RefusedRefresh) > 0 {
		for i := range a.RefusedRefresh {
			r := &a.RefusedRefresh[i]
			all = append(all, DeadWord{Name: "as recorded", Reason: r.Reason, Answer: r.Answer, recorded: &r.Answer})
		}
		return all
	}
	refused := func(name, reason string, status int, body fields, keys ...string) {
		all = append(all, DeadWord{Name: name, Reason: reason, Answer: Answer{Status: status, Body: body}, Keys: keys})
	}
	if s.file.Token.ErrorField == "" {
		refused("invalid_grant", "revoked", http.StatusBadRequest, s.refusal("invalid_grant", "Token has been expired or revoked."))
	}
	for _, code := range sorted(s.file.Token.GrantErrors) {
		refused(code, s.file.Token.GrantErrors[code], http.StatusBadRequest, s.refusal(code, "The grant has ended."),
			"grant_errors."+code, "error_field")
	}
	for i, rule := range s.file.Token.RefusedRefresh {
		name, body := s.refusedBy(rule)
		status := rule.Status
		if status == 0 {
			status = http.StatusBadRequest
		}
		refused(name, rule.Reason, status, body, fmt.Sprintf("refused_refresh.%d", i))
	}
	if len(all) == 0 { // a file that names a place for codes and none of them, as that of a provider which never refuses
		refused("invalid_grant", "revoked", http.StatusBadRequest, s.refusal("invalid_grant", "Token has been expired or revoked."))
	}
	return all
}

// refusedBy makes the answer that a rule describes, and nothing beside it.
func (s *StandIn) refusedBy(rule providers.RefusedRefresh) (name string, body fields) {
	body = fields{}
	if rule.Path != "" {
		put(body, rule.Path, rule.Value)
		name = rule.Path + "=" + rule.Value
	}
	if rule.Code != "" {
		field := "error"
		if s.file.Token.ErrorField != "" {
			field = s.file.Token.ErrorField
		}
		put(body, field, rule.Code)
		name = rule.Code
	}
	if rule.Description != "" {
		put(body, "error_description", "It says: "+rule.Description+".")
		name += " " + rule.Description
	}
	return name, body
}
