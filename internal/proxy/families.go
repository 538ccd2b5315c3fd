package proxy

import (
	"strings"
	"sync"
)

// families are the fields of one purpose, by how their folded names look: "x-auth-*", "*-ip", "*impersonat*",
// "as-user".
type families struct {
	exact  map[string]bool
	prefix []string
	suffix []string
	inside []string
	within [][2]string // a prefix, and what stands behind it
	except func(folded string) bool
}

// family reads patterns. A star stands at the beginning, at the end, or behind a prefix: "x-*user*".
func family(patterns string, except func(string) bool) families {
	f := families{exact: map[string]bool{}, except: except}
	for p := range strings.FieldsSeq(patterns) {
		front, behind := strings.HasPrefix(p, "*"), strings.HasSuffix(p, "*")
		text := strings.Trim(p, "*")
		head, rest, both := strings.Cut(text, "*")
		switch {
		case both:
			f.within = append(f.within, [2]string{head, rest})
		case front && behind:
			f.inside = append(f.inside, text)
		case front:
			f.suffix = append(f.suffix, text)
		case behind:
			f.prefix = append(f.prefix, text)
		default:
			f.exact[text] = true
		}
	}
	return f
}

func (f *families) has(folded string) bool {
	if f.except != nil && f.except(folded) {
		return false
	}
	if f.exact[folded] {
		return true
	}
	for _, p := range f.prefix {
		if strings.HasPrefix(folded, p) {
			return true
		}
	}
	for _, s := range f.suffix {
		if strings.HasSuffix(folded, s) {
			return true
		}
	}
	for _, w := range f.within {
		if rest, ok := strings.CutPrefix(folded, w[0]); ok && strings.Contains(rest, w[1]) {
			return true
		}
	}
	for _, t := range f.inside {
		if strings.Contains(folded, t) {
			return true
		}
	}
	return false
}

// oddOut are the fields by which a request would speak of who is asking, of where from, of the page, of another method
// or path, or to a front proxy.
func oddOut() families {
	const (
		whoIsAsking = `remote-* x-remote-* x-*user* *-as-user as-user *select-user* *select-admin* *impersonat*
			*on-behalf-of* *auth-request* x-auth-* x-authenticated* *-authenticated-* x-authentik-* x-authelia-* x-webauth-*
			x-login* x-account-name x-amz-* x-amzn-* x-amz* x-hasura-* x-goog-iap-* x-endpoint-api-* x-apigateway-*
			x-ms-client-principal* x-ms-token-* *principal* *userinfo* *username* *user-id *userid *user-email *user-name
			*user-role* *user-group* x-email* *-email x-groups x-group *-groups x-roles *-roles x-role *-role x-scopes
			x-permission* x-admin* x-is-admin x-internal* x-subject *-subject x-sub *identity* *jwt* *id-token* *access-token*
			x-token* x-*-claims x-claims* *client-cert* client-cert* *client-dn* *client-verify* *client-s-dn* *client-i-dn*
			x-ssl-* ssl-* x-tls-* *spiffe* x-consumer-* x-credential-* x-anonymous-* tailscale-* x-pomerium-* x-vouch-*
			cf-access-* x-forwarded-user x-user-* x-user x-users x-sso-* x-saml-* x-oidc-* oidc-* x-ldap-* x-kerberos-*
			x-shib* shib-* x-session-user x-app-user x-current-user* sudo x-sudo x-person* gap-auth* x-scope-orgid
			l5d-client-id *-tyk-* *act-as* *-sudo iv-* sm-* smuser* auth-user* authenticated-* remoteuser* xremote*
			*-authorization* *authorization x-wssecurity private-token job-token deploy-token x-vault-token x-figma-token x-parse-master-key
			x-parse-session-token`
		whereFrom = `forwarded* x-forwarded* xforwarded* x-forward-* x-original-* x-originating-* *-originating-* *client-ip* *clientip*
			*real-ip* *realip* *remote-ip* *remote-addr* *remoteaddr* *remote-host* *remote-port* *-connecting-ip* *source-ip*
			*socketip* *socket-ip* *peer-ip* *user-ip* *proxyuser* *-ip *-ipv6 *-ip-address *ipaddress* x-cluster-* cf-*
			cloudfront-* fastly-* akamai-* x-akamai-* x-azure-* x-appengine-* x-google-serverless-* x-client-geo* x-geo-*
			x-country* x-arr-* disguised-host was-default-hostname x-vercel-* x-nf-* x-netlify-* fly-* x-real-* real-*
			x-scheme x-url-scheme x-proto x-protocol x-ssl x-https https front-end-https x-https-* x-port x-server-port
			x-server-name x-server-addr x-http-host* x-host x-hostname x-backend-* x-upstream-* x-gateway-* x-edge-* x-cdn*
			cdn-* x-varnish* x-waf-* x-wap-* x-nginx-* x-haproxy-* x-traefik-* x-kong-* x-istio-* x-b3-remote* wl-proxy-*
			x-weblogic-* x-lb-* x-bluecoat-via x-via* x-proxy* x-proxied* x-trusted* x-from-*
			*-ip-auth*`
		aboutThePage = `origin referer referrer x-origin x-referer dnt upgrade-insecure-requests service-worker*
			purpose x-purpose x-moz sec-* access-control-*`
		anotherMethodOrPath = `*method* *override* x-verb *-verb *-verb-* x-rewrite-* x-path* x-uri* x-url* x-request-uri
			x-request-url x-request-path x-invoke-* x-matched-path x-now-* x-middleware-* x-nextjs-* x-action-* x-route-*
			x-routing-* destination x-destination content-length content-type transfer-encoding x-transfer-encoding
			x-http-content-length request-ur* http-url base-url uri url`
		toAFrontProxy = `x-envoy-* x-accel-* x-sendfile* x-lighttpd-* x-litespeed-* x-lsadc-* surrogate-* x-cache-key*
			x-purge* x-debug-token dapr-* x-dapr-* x-varnish-* x-esi* x-pass* x-bypass* x-skip-* l5d-* x-ls*`
	)
	all := strings.Join([]string{whoIsAsking, whereFrom, aboutThePage, anotherMethodOrPath, toAFrontProxy}, " ")
	return family(all, func(folded string) bool {
		switch folded {
		case "x-user-agent", "x-javascript-user-agent", "x-goog-user-project":
			return true
		}
		return hasPrefix(folded, "x-goog-upload-", "x-upload-")
	})
}

// oddBack are the fields by which an answer would speak for the origin, or to the front proxy.
func oddBack() families {
	const (
		forTheOrigin = `set-login login-status idp-* sec-* secure-session-* integrity-policy* activate-storage-access
			content-security-* permissions-policy* feature-policy* document-policy* document-isolation-policy*
			require-document-policy cross-origin-* accept-ch* critical-ch timing-allow-origin speculation-rules
			supports-loading-mode no-vary-search use-as-dictionary available-dictionary dictionary-id x-dns-prefetch-control
			p3p x-permitted-cross-domain-* x-ua-compatible sourcemap x-sourcemap observe-browsing-topics
			attribution-reporting-* shared-storage-* ad-auction-* sec-shared-* x-chrome-* google-accounts-*
			auto-speculation-* default-style content-script-type content-style-type window-target content-base
			signed-headers connection-allowlist* expires age pragma x-frame-policy reporting-*`
		toAFrontProxy = `x-accel-* x-sendfile* x-lighttpd-* x-litespeed-* x-lsadc-* x-reproxy-* x-envoy-* x-varnish-* x-nginx-*
			x-kong-* x-traefik-* x-middleware-* x-nextjs-* x-vercel-* x-netlify-* surrogate-* cache-tag* x-cache-tag* xkey
			edge-* cdn-* *cdn-cache-control x-proxy-* x-arr-* arr-* akamai-* x-akamai-* fastly-* cf-* x-esi* x-apache-*
			x-internal-*`
	)
	return family(forTheOrigin+" "+toAFrontProxy, func(folded string) bool { return folded == "x-accel-buffering" })
}

// verdicts remembers what was decided of field names that came before. It is safe for concurrent use.
type verdicts struct {
	mu  sync.RWMutex
	all map[string]bool
}

// mostVerdicts bounds the memory that strangers' field names take.
const mostVerdicts = 512

func (v *verdicts) get(name string) (pass, ok bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	pass, ok = v.all[name]
	return pass, ok
}

func (v *verdicts) put(name string, pass bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.all == nil || len(v.all) >= mostVerdicts {
		v.all = map[string]bool{}
	}
	v.all[name] = pass
}

func hasPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
