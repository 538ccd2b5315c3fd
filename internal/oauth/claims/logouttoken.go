package claims

import "time"

// LogoutEvent is the one event of a logout token.
const LogoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// LogoutFresh is how old a logout token may be.
const LogoutFresh = 10 * time.Minute

// A LogoutToken is what a checked logout token says.
type LogoutToken struct {
	ID      string // jti
	Subject string // "" when it names a session alone
	Session string // sid; "" when it names a user alone
}

// CheckLogoutToken is OpenID Connect Back-Channel Logout 1.0 section 2.6 from its third step on. `iat` must be
// recent. `exp` counts where it is there: the final version requires it, and Keycloak before 24 does not send it.
func CheckLogoutToken(o Object, h Header, e Expect) (token LogoutToken, fault string) {
	if fault := o.common(h, e.Issuer.made(o), e, LogoutFresh, "logout+jwt", "JWT"); fault != "" {
		return LogoutToken{}, fault
	}
	token = LogoutToken{ID: o.str("jti"), Subject: o.str("sub"), Session: o.str("sid")}
	events, _ := o["events"].(map[string]any)
	event, isObject := events[LogoutEvent].(map[string]any)
	_, nonce := o["nonce"]
	switch {
	case o.has("exp") && o.expired(e.Now):
		return LogoutToken{}, "it has expired"
	case token.Subject == "" && token.Session == "":
		return LogoutToken{}, "it names nobody"
	case len(token.Subject) > MaxSubject || len(token.Session) > MaxSubject:
		return LogoutToken{}, "its subject is too long"
	case !isObject || event == nil:
		return LogoutToken{}, "it is not about a logout"
	case nonce:
		return LogoutToken{}, "it has a nonce: it is an ID token"
	case token.ID == "" || len(token.ID) > maxID:
		return LogoutToken{}, "it has no usable id"
	}
	return token, ""
}
