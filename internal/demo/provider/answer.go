package provider

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"bff/internal/demo/answer"
	"bff/internal/demo/journal"
)

// addExpiry adds the lifetime, a second short as Google does, in the shape of the habits.
func (t *tokens) addExpiry(fields map[string]any) {
	n := t.tokenLifetime()
	switch t.habits.ExpiresIn {
	case ShapeAbsent:
	case ShapeString:
		fields["expires_in"] = fmt.Sprint(n)
	case ShapeFloat:
		fields["expires_in"] = json.RawMessage(fmt.Sprintf("%d.0", n))
	case ShapeExpiresAt:
		fields["expires_at"] = t.now().Unix() + int64(n)
	default:
		fields["expires_in"] = n
	}
}

func (t *tokens) addScope(fields map[string]any, scopes []string) {
	switch t.habits.ScopeShape {
	case ShapeAbsent:
	case ShapeArray:
		fields["scope"] = scopes
	case ShapeComma:
		fields["scope"] = strings.Join(scopes, ",")
	default:
		fields["scope"] = strings.Join(scopes, " ")
	}
}

// answer writes a token answer as JSON, as JSON under a wrong type, or as a form.
func (t *tokens) answer(w http.ResponseWriter, r *http.Request, status int, fields map[string]any) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	form := t.habits.Answer == AnswerForm && !strings.Contains(r.Header.Get("Accept"), "json")
	switch {
	case form:
		values := url.Values{}
		for k, v := range fields {
			values.Set(k, fmt.Sprint(v))
		}
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(values.Encode()))
	case t.habits.Answer == AnswerText:
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(fields)
	default:
		answer.JSON(w, status, fields)
	}
}

// refuse writes the answer of RFC 6749 section 5.2, in the shape of the habits.
func (t *tokens) refuse(w http.ResponseWriter, status int, code, description string) {
	t.refuseWith(w, status, map[string]any{"error": code, "error_description": description})
}

func (t *tokens) refuseWith(w http.ResponseWriter, status int, fields map[string]any) {
	code, text := fields["error"], fields["error_description"]
	t.log.Count("", func(c *journal.Counts) { c.Refused++ })
	t.log.Note("refused", "", "a token call was refused: %v", code)
	switch t.habits.Errors {
	case ErrorObject:
		fields = map[string]any{"error": map[string]any{"message": text, "type": "OAuthException", "code": 190}}
	case ErrorOK:
		status, fields = http.StatusOK, map[string]any{"ok": false, "error": code}
	case ErrorMessage:
		fields = map[string]any{"status": status, "message": text}
	case ErrorWith200:
		status = http.StatusOK
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	answer.JSON(w, status, fields)
}
