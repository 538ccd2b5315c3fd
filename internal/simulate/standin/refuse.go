package standin

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"bff/internal/oauth/providers"
)

// Words are those in which the provider refuses.
type Words struct{ *played }

// refuseToken is an error of the token endpoint, with its code where the file has it.
func (s *Words) refuseToken(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, s.refusal(code, description))
}

func (s *Words) refusal(code, description string) fields {
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
func (s *Words) refuseDead(w http.ResponseWriter) {
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
func (s *Words) DeadWords() (all []DeadWord) {
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
func (s *Words) refusedBy(rule providers.RefusedRefresh) (name string, body fields) {
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

// Refused are the words in which a token is refused to the application's own credential, by name.
func (s *Words) Refused() map[string]Answer {
	refused := func(status int, body any) Answer { return Answer{Status: status, Body: body} }
	switch s.file.Auth {
	case providers.AuthGitHubApp:
		return map[string]Answer{
			"401, the JWT is not good": refused(401, fields{"message": "A JSON web token could not be decoded"}),
			"404, no such app":         refused(404, fields{"message": "Integration not found"}),
			"403, suspended":           refused(403, fields{"message": "This installation has been suspended"}),
		}
	case providers.AuthServiceAccount:
		return map[string]Answer{
			"invalid_grant":       refused(400, fields{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}),
			"unauthorized_client": refused(401, fields{"error": "unauthorized_client", "error_description": "Client is unauthorized."}),
		}
	}
	return map[string]Answer{
		"invalid_client":      refused(401, s.refusal("invalid_client", "The client is not known.")),
		"unauthorized_client": refused(400, s.refusal("unauthorized_client", "The client may not.")),
		"invalid_scope":       refused(400, s.refusal("invalid_scope", "The scope is not known.")),
		"a word of no list":   refused(403, fields{"message": "no"}),
	}
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
