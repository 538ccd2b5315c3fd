package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// addExpiry tells the lifetime, a second short as Google does, in the shape of the habits.
func (d *Demo) addExpiry(fields map[string]any) {
	n := max(int(d.cfg.TokenLifetime/time.Second)-1, 1)
	switch d.habits.ExpiresIn {
	case ShapeAbsent:
	case ShapeString:
		fields["expires_in"] = fmt.Sprint(n)
	case ShapeFloat:
		fields["expires_in"] = json.RawMessage(fmt.Sprintf("%d.0", n))
	case ShapeExpiresAt:
		fields["expires_at"] = d.cfg.Now().Unix() + int64(n)
	default:
		fields["expires_in"] = n
	}
}

func (d *Demo) addScope(fields map[string]any, scopes []string) {
	switch d.habits.ScopeShape {
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
func (d *Demo) answer(w http.ResponseWriter, r *http.Request, status int, fields map[string]any) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	form := d.habits.Answer == AnswerForm && !strings.Contains(r.Header.Get("Accept"), "json")
	switch {
	case form:
		values := url.Values{}
		for k, v := range fields {
			values.Set(k, fmt.Sprint(v))
		}
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(values.Encode()))
	case d.habits.Answer == AnswerText:
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(fields)
	default:
		writeJSON(w, status, fields)
	}
}

// refuse writes the answer of RFC 6749 section 5.2, in the shape of the habits.
func (d *Demo) refuse(w http.ResponseWriter, status int, code, description string) {
	d.refuseWith(w, status, map[string]any{"error": code, "error_description": description})
}

func (d *Demo) refuseWith(w http.ResponseWriter, status int, fields map[string]any) {
	code, text := fields["error"], fields["error_description"]
	d.mu.Lock()
	d.counts.Refused++
	d.note("refused", "", "a token call was refused: %v", code)
	d.mu.Unlock()
	switch d.habits.Errors {
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
	writeJSON(w, status, fields)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
}
