package proxy

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"bff/internal/proxy/coding"
)

// A ScopeChallenge is an upstream's wish for more than the access token grants: insufficient_scope (RFC 6750 section
// 3.1), Google's own words for it, or insufficient_user_authentication (RFC 9470). Nothing was written to the client.
type ScopeChallenge struct {
	Scopes      []string // that would do, where the upstream says so
	ACRValues   string   // RFC 9470: the authentication it wants
	MaxAge      string   // RFC 9470: and how fresh, in seconds
	Status      int      // the upstream's
	Body        []byte   // the upstream's own, decoded, at most 64 KiB; nil when it is larger or cannot be read
	ContentType string
}

func (c *ScopeChallenge) Error() string { return "the upstream asks for more than was granted" }

// A challenge is one of a WWW-Authenticate field (RFC 9110 section 11.6.1).
type challenge struct {
	scheme string            // lower case
	params map[string]string // names in lower case
}

// parseChallenges reads one field line. What it cannot read it leaves out.
func parseChallenges(line string) []challenge {
	var out []challenge
	for _, item := range splitList(line) {
		name, rest, spaced := strings.Cut(item, " ")
		if !strings.Contains(name, "=") || spaced && isScheme(name) { // a scheme, perhaps with the first parameter
			out = append(out, challenge{scheme: strings.ToLower(name), params: map[string]string{}})
			item = strings.TrimSpace(rest)
		}
		key, value, ok := strings.Cut(item, "=")
		if !ok || len(out) == 0 {
			continue
		}
		out[len(out)-1].params[strings.ToLower(strings.TrimSpace(key))] = unquote(strings.TrimSpace(value))
	}
	return out
}

func isScheme(s string) bool { return s != "" && !strings.ContainsAny(s, `="`) }

// unquote reads a quoted string; a bare token is itself.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// meansToken says whether a 401 is about the access token: invalid_token, or no reason at all. A reason of another
// name is not repaired by a new token.
func meansToken(h http.Header) bool {
	for _, line := range h["Www-Authenticate"] {
		for _, c := range parseChallenges(line) {
			if e := c.params["error"]; e != "" {
				return e == "invalid_token"
			}
		}
	}
	return true
}

// challengeLimit is how much of a refusal is read to find out what it means.
const challengeLimit = 64 << 10

// challengeOf finds out whether a 401 or 403 asks for more scopes or another authentication. When it does not, res is
// as it was.
func challengeOf(res *http.Response) *ScopeChallenge {
	out := &ScopeChallenge{Status: res.StatusCode, ContentType: res.Header.Get("Content-Type")}
	kind, _ := contentType(res.Header)
	found := false
	for _, line := range res.Header["Www-Authenticate"] {
		for _, c := range parseChallenges(line) {
			switch c.params["error"] {
			case "insufficient_scope":
				found = true
			case "insufficient_user_authentication":
				found, out.ACRValues, out.MaxAge = true, c.params["acr_values"], c.params["max_age"]
			default:
				continue
			}
			out.Scopes = append(out.Scopes, strings.Fields(c.params["scope"])...)
		}
	}
	if !found && (res.StatusCode != http.StatusForbidden || !isJSON(kind)) || res.Body == nil {
		return nil
	}
	raw, whole := peek(res)
	if whole {
		out.Body = plainBytes(raw, coding.Of(res.Header["Content-Encoding"]))
	}
	if found || saysScope(out.Body) {
		return out
	}
	return nil
}

// peek reads the body's beginning and puts it back.
func peek(res *http.Response) (raw []byte, whole bool) {
	body := res.Body
	raw, err := io.ReadAll(io.LimitReader(body, challengeLimit+1))
	rest := io.Reader(body)
	if err != nil {
		rest = failing{err}
	}
	res.Body = closer{io.MultiReader(bytes.NewReader(raw), rest), body}
	return raw, err == nil && len(raw) <= challengeLimit
}

// plainBytes undoes a content coding, within the same bound; nil when it cannot.
func plainBytes(raw []byte, c coding.Coding) []byte {
	if c == coding.Identity {
		return raw
	}
	if c == coding.Opaque {
		return nil
	}
	plain, err := io.ReadAll(io.LimitReader(coding.NewReader(c, bytes.NewReader(raw)), challengeLimit+1))
	if err != nil || len(plain) > challengeLimit {
		return nil
	}
	return plain
}

// saysScope knows Google's two ways to say insufficient_scope in a body: the older errors[].reason, the newer
// details[].reason.
func saysScope(body []byte) bool {
	if !bytes.Contains(body, []byte("insufficientPermissions")) && !bytes.Contains(body,
		[]byte("ACCESS_TOKEN_SCOPE_INSUFFICIENT")) {
		return false
	}
	var answer struct {
		Error struct {
			Errors  []struct{ Reason string }
			Details []struct{ Reason string }
		}
	}
	if json.Unmarshal(body, &answer) != nil {
		return false
	}
	for _, e := range answer.Error.Errors {
		if e.Reason == "insufficientPermissions" {
			return true
		}
	}
	for _, d := range answer.Error.Details {
		if d.Reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT" {
			return true
		}
	}
	return false
}

func isJSON(kind string) bool {
	return kind == "application/json" || kind == "text/json" ||
		strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

// closer reads from one and closes the other.
type closer struct {
	io.Reader
	io.Closer
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// withoutPrompts drops the challenges for which a browser would ask the person for a password, in the name of this
// origin.
func withoutPrompts(h http.Header, challenges []string) {
	kept := challenges[:0:0]
	for _, line := range challenges {
		prompts := false
		for _, c := range parseChallenges(line) {
			switch c.scheme {
			case "basic", "digest", "ntlm", "negotiate":
				prompts = true
			}
		}
		if !prompts {
			kept = append(kept, line)
		}
	}
	if h["Www-Authenticate"] = kept; len(kept) == 0 {
		delete(h, "Www-Authenticate")
	}
}
