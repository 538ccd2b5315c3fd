package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
)

// look is what to look at where nobody answers.
const look = "is the address right, and can this machine reach it (HTTPS_PROXY is honoured)?"

// unreached says why no answer came, and what to look at.
func unreached(err error) string {
	if text := tlsReason(err); text != "" {
		return text
	}
	var dns *net.DNSError
	var timeout net.Error
	why := ""
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		why = " (its name is not known)"
	case errors.As(err, &dns):
		why = " (its name cannot be looked up)"
	case errors.Is(err, syscall.ECONNREFUSED):
		why = " (the connection is refused)"
	case errors.Is(err, syscall.ECONNRESET):
		why = " (the connection is broken off)"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		why = " (not in time)"
	}
	return "nobody answers there" + why + "; " + look
}

// tlsReason says what is wrong with an answer's TLS, "" where that is not why.
func tlsReason(err error) string {
	var unknown x509.UnknownAuthorityError
	var other x509.HostnameError
	var invalid x509.CertificateInvalidError
	var failed *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "its certificate is of an authority that this machine does not know; give the machine that authority (SSL_CERT_FILE)"
	case errors.As(err, &other):
		return "its certificate is for other names than this host; compare the address with the certificate"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate is over or not valid yet; compare it with this machine's clock"
	case errors.As(err, &invalid), errors.As(err, &failed):
		return "its certificate cannot be verified"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS; if it is on loopback, write `http://`"
	}
	return ""
}

// Shown is an address that came from elsewhere as it may be printed: without query and fragment, and "" when it is none,
// names a person, or has anything that a terminal could take for more than text.
func Shown(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(address) > 200 ||
		strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' || r == '`' }) {
		return ""
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

// redirected says that and where an address redirects.
func redirected(resp *http.Response) error {
	to := "; `curl -sI` shows where it leads"
	if where, err := resp.Location(); err == nil && Shown(where.String()) != "" {
		to = ": it leads to " + Shown(where.String())
	}
	return fmt.Errorf("it redirects (%d), and bff follows no redirect: write the address at which the document itself is%s",
		resp.StatusCode, to)
}

// anotherIssuer says whose metadata a document is.
func anotherIssuer(issuer string) string {
	whose := ""
	if shown := Shown(issuer); shown != "" {
		whose = ", `" + shown + "`"
	}
	return "the document is another issuer's" + whose + "; write `issuer:` exactly as the document says, to the last slash"
}

// Addresses are what is to be registered at a provider, for an application at this origin.
func Addresses(what, origin, name string, openID bool) (all []Finding) {
	note := func(text string) { all = append(all, Finding{Outcome: "note", What: what, Text: text}) }
	note("redirect URI to register: " + origin + "/bff/callback/" + name)
	if openID {
		note("post-logout redirect URI: " + origin + "/")
		note("back-channel logout URI: " + origin + "/bff/backchannel-logout/" + name)
		note("security events (RISC): " + origin + "/bff/security-events/" + name)
	}
	return all
}

// Port says whether a listener can have its address.
func Port(ctx context.Context, what, address string) Finding {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		_ = l.Close()
		return Finding{"ok", what, address + " is free"}
	case errors.Is(err, syscall.EADDRINUSE):
		return Finding{"warning", what, address + " is taken: another process listens there, perhaps this very bff"}
	case errors.Is(err, os.ErrPermission):
		return Finding{"failed", what, address + " is not for this user: ports below 1024 want more rights; write another"}
	}
	return Finding{"failed", what, address + " is no address of this machine; write `:8080` for all of them"}
}
