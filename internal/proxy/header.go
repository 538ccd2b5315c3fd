package proxy

import (
	"net/http"
	"strings"
)

// fold brings a field name to the one spelling in which names are compared: lower case, "-" for "_" and ".". Servers
// behind CGI, WSGI and their kin read "X_Forwarded_User" and "X.Forwarded.User" as X-Forwarded-User. A name of
// another shape has no spelling and does not pass.
func fold(name string, buf *[64]byte) (string, bool) {
	if len(name) == 0 || len(name) > len(buf) {
		return "", false
	}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
			buf[i] = c
		case 'A' <= c && c <= 'Z':
			buf[i] = c | 0x20
		case c == '_', c == '.':
			buf[i] = '-'
		default:
			return "", false
		}
	}
	return string(buf[:len(name)]), true
}

// leaves says whether a request header goes to the upstream. The first list is the common case, and only that:
// everything takes the second way.
func leaves(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Encoding", "Content-Language",
		"Content-Length", "Content-Range",
		"Content-Type", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Pragma",
		"Range", "User-Agent":
		return true
	}
	var buf [64]byte
	folded, ok := fold(name, &buf)
	return ok && !hop(folded) && !ours(folded) && !whoIsAsking(folded) && !whereFrom(folded) &&
		!aboutThePage(folded) && !overrides(folded)
}

// hop are the fields that end here. What an upgrade and trailers need is put back in its plain spelling by
// ReverseProxy: see filterOut.
func hop(folded string) bool {
	switch folded {
	case "connection", "upgrade", "te", "keep-alive", "transfer-encoding", "trailer", "trailers", "http2-settings",
		"max-forwards", "via",
		"early-data", "alt-used":
		return true
	}
	return strings.HasPrefix(folded, "proxy-")
}

// ours speaks to bff, or would speak in its place.
func ours(folded string) bool {
	switch folded {
	case "cookie", "cookie2", "authorization", "host", "x-csrf", "bff", "x-authorization", "x-http-authorization":
		return true
	}
	return strings.HasPrefix(folded, "bff-")
}

// whoIsAsking are the names under which front doors tell an upstream who the user is.
func whoIsAsking(folded string) bool {
	switch folded {
	case "remote-user", "remote-email", "remote-groups", "remote-name", "x-user", "x-user-id", "x-user-email",
		"x-user-name", "x-userinfo", "x-username",
		"x-email", "x-groups", "x-roles", "x-id-token", "x-access-token", "x-endpoint-api-userinfo",
		"x-goog-iap-jwt-assertion", "x-client-cert",
		"x-client-verify", "x-client-dn", "client-cert", "client-cert-chain", "x-jwt-assertion", "x-jwt-payload",
		"x-identity", "on-behalf-of":
		return true
	}
	return hasPrefix(folded, "x-auth-", "x-remote-", "x-authenticated-", "x-authentik-", "x-webauth-", "x-ssl-",
		"ssl-", "x-amzn-oidc-",
		"x-ms-client-principal",
		"x-ms-token-", "x-goog-authenticated-user", "cf-access-", "x-consumer-", "x-credential-",
		"x-anonymous-consumer", "tailscale-",
		"x-pomerium-", "x-vouch-",
		"x-token-", "x-jwt-claim", "x-client-certificate", "x-tls-client", "x-spiffe-")
}

// whereFrom are the names under which proxies tell an upstream where a request came from, and for what.
func whereFrom(folded string) bool {
	switch folded {
	case "forwarded", "x-forwarded", "forwarded-for", "x-real-ip", "real-ip", "client-ip", "x-client-ip",
		"true-client-ip",
		"x-true-client-ip", "x-cluster-client-ip",
		"fastly-client-ip", "cf-connecting-ip", "cf-connecting-ipv6", "x-proxyuser-ip", "x-remote-ip", "x-host",
		"x-scheme", "x-forward-for",
		"wl-proxy-client-ip",
		"x-azure-clientip", "x-azure-socketip", "x-appengine-user-ip", "x-url-scheme", "front-end-https",
		"x-rewrite-url", "x-backend-host",
		"x-server-name":
		return true
	}
	return hasPrefix(folded, "x-forwarded-", "x-original-", "x-envoy-", "x-appengine-", "x-arr-")
}

// aboutThePage tells of the page that calls. An upstream must not decide by it, and need not know.
func aboutThePage(folded string) bool {
	switch folded {
	case "origin", "referer", "referrer", "dnt", "upgrade-insecure-requests", "service-worker",
		"service-worker-navigation-preload",
		"purpose", "x-purpose", "x-moz":
		return true
	}
	return hasPrefix(folded, "sec-", "access-control-")
}

// overrides would make the upstream see another method or path than the one that was allowed.
func overrides(folded string) bool {
	switch folded {
	case "x-method", "x-http-verb", "x-tunneled-verb", "x-tunneled-method", "x-verb":
		return true
	}
	return strings.Contains(folded, "http-method") || strings.Contains(folded, "method") && strings.Contains(folded,
		"override")
}

// isSocketField are the fields a WebSocket handshake needs (RFC 6455 section 11.3).
func isSocketField(name string) bool {
	switch name {
	case "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Protocol", "Sec-Websocket-Extensions",
		"Sec-Websocket-Accept",
		"Connection", "Upgrade":
		return true
	}
	return false
}

// filterOut takes out of h what must not leave. ReverseProxy has already taken out what Connection names.
func (m *Mount) filterOut(h http.Header, socket bool) {
	for name := range h {
		if leaves(name) && !m.sets(name) || socket && isSocketField(name) ||
			name == "Te" { // Te is what ReverseProxy put back: "trailers"
			continue
		}
		delete(h, name)
	}
}

// sets says whether the mount itself writes that field, in any spelling.
func (m *Mount) sets(name string) bool {
	if len(m.own) == 0 {
		return false
	}
	var buf [64]byte
	folded, _ := fold(name, &buf)
	return m.own[folded]
}

// returns says whether an answer's header goes to the browser.
func returns(name string) bool {
	switch name {
	case "Cache-Control", "Content-Encoding", "Content-Language", "Content-Length", "Content-Range", "Content-Type",
		"Date", "Etag",
		"Expires", "Last-Modified", "Link",
		"Location", "Retry-After", "Server", "Vary", "Accept-Ranges", "Content-Disposition":
		return true
	}
	var buf [64]byte
	folded, ok := fold(name, &buf)
	return ok && !speaksForTheOrigin(folded) && !toTheFrontDoor(folded) && !hop(folded)
}

// speaksForTheOrigin are the fields by which an answer rules more than itself.
func speaksForTheOrigin(folded string) bool {
	switch folded {
	case "set-cookie", "set-cookie2", "clear-site-data", "strict-transport-security", "public-key-pins",
		"public-key-pins-report-only",
		"expect-ct", "alt-svc",
		"service-worker-allowed", "report-to", "reporting-endpoints", "nel", "origin-agent-cluster", "origin-trial",
		"accept-ch", "critical-ch",
		"accept-ch-lifetime",
		"timing-allow-origin", "refresh", "content-security-policy", "content-security-policy-report-only",
		"cross-origin-opener-policy",
		"cross-origin-opener-policy-report-only", "cross-origin-embedder-policy",
		"cross-origin-embedder-policy-report-only", "cross-origin-resource-policy",
		"permissions-policy", "feature-policy", "document-policy", "speculation-rules", "supports-loading-mode",
		"x-content-type-options",
		"use-as-dictionary",
		"x-dns-prefetch-control", "set-login", "sec-session-registration", "p3p", "x-permitted-cross-domain-policies",
		"x-ua-compatible",
		"sourcemap", "x-sourcemap":
		return true
	}
	return hasPrefix(folded, "access-control-", "bff-", "sec-session-")
}

// toTheFrontDoor are orders to the server or cache in front of bff.
func toTheFrontDoor(folded string) bool {
	switch folded {
	case "x-sendfile", "x-lighttpd-send-file", "x-lighttpd-send-tempfile", "x-reproxy-url", "surrogate-control",
		"surrogate-key",
		"cache-tag", "edge-control", "authorization",
		"x-litespeed-location", "x-litespeed-cache-control", "cookie":
		return true
	}
	return hasPrefix(folded, "x-accel-") && folded != "x-accel-buffering" || strings.HasSuffix(folded,
		"cdn-cache-control")
}

func hasPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
