package claims

import (
	"strings"
	"time"
)

// SecurityFresh is how old a security event may be when it comes.
const SecurityFresh = 7 * 24 * time.Hour

const maxEvents = 16

// A SecurityEvent is one event of a security event token.
type SecurityEvent struct {
	URI     string
	Subject string // at the issuer; "" when it is about nobody who can be named
}

// A SecurityToken is what a checked security event token says.
type SecurityToken struct {
	ID     string // jti
	Events []SecurityEvent
}

// CheckSecurityToken checks a security event token (RFC 8417) that the transmitter made, or the issuer itself. It has
// no end of its own: `exp` is not looked at (RFC 8417 section 2.2).
func CheckSecurityToken(o Object, h Header, e Expect, transmitter string) (token SecurityToken, fault string) {
	iss := o.str("iss")
	made := SameIssuer(iss, transmitter) || SameIssuer(iss, e.Issuer.Name)
	// An ID token, which may have no type either, has no events (RFC 8417 section 4.5).
	if fault := o.common(h, made, e, SecurityFresh, "secevent+jwt", "JWT"); fault != "" {
		return SecurityToken{}, fault
	}
	events, _ := o["events"].(map[string]any)
	token.ID = o.str("jti")
	switch {
	case token.ID == "" || len(token.ID) > maxID:
		return SecurityToken{}, "it has no usable id"
	case len(events) == 0 || len(events) > maxEvents:
		return SecurityToken{}, "it has no events, or too many"
	}
	for uri, body := range events {
		token.Events = append(token.Events, SecurityEvent{URI: uri, Subject: subjectOf(body, o["sub_id"], e.Issuer.Name)})
	}
	return token, ""
}

// subjectOf reads whom an event is about; where it names no subject, the token's own counts (RFC 9493 section 4). A
// subject of another issuer, or one that is a token, is nobody who can be named.
func subjectOf(event, ofToken any, issuer string) string {
	body, _ := event.(map[string]any)
	subject, ok := body["subject"].(map[string]any)
	if !ok {
		subject, _ = ofToken.(map[string]any)
	}
	s := Object(subject)
	kind, format := s.str("subject_type"), s.str("format")
	if kind == "" && format == "" || byIssuer(kind) || byIssuer(format) {
		if sub := s.str("sub"); SameIssuer(s.str("iss"), issuer) && len(sub) <= MaxSubject {
			return sub
		}
	}
	return ""
}

// byIssuer: "iss-sub" of the draft Google speaks, "iss_sub" of RFC 9493, "id_token_claims" of Google's documentation.
func byIssuer(kind string) bool {
	return kind == "iss-sub" || kind == "iss_sub" || kind == "id_token_claims" || kind == "id-token-claims"
}

// SameIssuer compares but for one slash at the end, which Google's event tokens have and its configuration has not.
func SameIssuer(a, b string) bool {
	return a != "" && strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/")
}
