package provider

import (
	"net/http"
	"slices"
	"strings"

	"bff/internal/demo/answer"
)

// serveRevoke is RFC 7009. An unknown token is fine; the client must be who it says.
func (t *tokens) serveRevoke(w http.ResponseWriter, r *http.Request) {
	if t.habits.NoRevocation {
		http.NotFound(w, r)
		return
	}
	form, ok := t.tokenForm(w, r)
	if !ok {
		return
	}
	// Google asks no client authentication here: who has the token may revoke it. One that is offered must be right.
	if _, _, basic := r.BasicAuth(); (basic || form.Has("client_secret")) && !t.authenticate(w, r, form) {
		return
	}
	token := form.Get("token")
	if token == "" {
		t.refuse(w, http.StatusBadRequest, "invalid_request", "Missing required parameter: token")
		return
	}
	t.ledger.revoke(token)
	w.Header().Set("Cache-Control", "no-store")
	answer.JSON(w, http.StatusOK, map[string]any{})
}

// serveUserinfo is OpenID Connect Core section 5.3.
func (t *tokens) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	a, ok := t.ledger.Bearer(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", Challenge(r))
		answer.JSON(
			w,
			http.StatusUnauthorized,
			map[string]any{"error": "invalid_token", "error_description": "Invalid Credentials"},
		)
		return
	}
	field := t.habits.SubjectField
	if field == "" {
		field = "sub"
	}
	claims := map[string]any{field: a.Person.Subject}
	if t.habits.SubjectNumber {
		claims[field] = number(a.Person.Subject)
	}
	t.addPersonal(claims, a.Person, a.Scopes)
	w.Header().Set("Cache-Control", "no-store")
	answer.JSON(w, http.StatusOK, claims)
}

// number makes a subject one that fits a JSON number without loss: its last nine digits.
func number(subject string) int {
	n := 0
	for _, c := range strings.TrimLeft(subject[max(0, len(subject)-9):], "0") {
		if c >= '0' && c <= '9' {
			n = n*10 + int(c-'0')
		}
	}
	return n
}

// Access is what a good access token allows.
type Access struct {
	Person *Person
	Scopes []string
	Any    bool // scopes have no meaning at this provider
}

// Has reports whether one of these scopes was granted.
func (a Access) Has(scopes ...string) bool {
	return a.Any || slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(a.Scopes, s) })
}

// Bearer finds the access token of a request, when it is good. It is how the APIs know who calls.
func (l *Ledger) Bearer(r *http.Request) (Access, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(r.Header.Values("Authorization")) != 1 {
		return Access{}, false
	}
	a, ok := l.find(token)
	if !ok {
		return Access{}, false
	}
	return Access{Person: a.family.person, Scopes: a.scopes, Any: l.habits.AnyScope}, true
}

// Challenge is RFC 6750 section 3: without a token there is no error code.
func Challenge(r *http.Request) string {
	const realm = `Bearer realm="https://accounts.google.com/"`
	if r.Header.Get("Authorization") == "" {
		return realm
	}
	return realm + `, error="invalid_token"`
}
