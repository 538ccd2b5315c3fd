package proxy_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"bff/internal/proxy"
	"bff/internal/testenv"
)

// These lists are the test's own: products in the field read and write these, and the code knows families, not names.
const (
	mustNotLeave = `X-Originating-IP X-Originating-Url X-Hasura-Role X-Hasura-User-Id X-Hasura-Admin-Secret Impersonate-User
		Impersonate-Group X-Middleware-Subrequest X-Middleware-Rewrite X-RestLi-Method X-HTTP-Method X-Method-Override Proxy
		Content_Length Content.Type Transfer_Encoding X-Client-IP X_Client_IP ClientIP X-ClientIP X-Cluster-Client-IP
		Fastly-Client-IP True-Client-IP X-Azure-ClientIP X-Azure-SocketIP CF-Connecting-IP CF-IPCountry X-Real-IP X-Remote-Addr
		X-ProxyUser-Ip X-Source-IP X-User X-User-Id X-User-Email X-User-Roles X-Auth-User X-App-User X-Current-User X-End-User
		X-Authenticated-Userid X-Authentik-Username X-Amzn-Oidc-Identity X-Amz-Security-Token X-Amzn-Trace-Id X-Envoy-Internal
		X-Envoy-Original-Path X-Envoy-External-Address X-Original-URL X-Original-Method X-Original-Uri X-Rewrite-URL
		X-Forwarded-Host X-Forwarded-Prefix X-Forwarded-Client-Cert Forwarded Remote-User Remote-Groups X-Remote-Group
		X-Consumer-Username X-Credential-Identifier X-Anonymous-Consumer X-MS-Client-Principal X-Goog-Authenticated-User-Id
		X-Goog-IAP-JWT-Assertion X-Endpoint-API-UserInfo X-Vouch-User X-Pomerium-Claim-Email Tailscale-User-Login Ssl-Client-Cert
		X-SSL-Client-S-DN Client-Cert X-Spiffe-Id On-Behalf-Of X-On-Behalf-Of Dropbox-API-Select-User Dropbox-API-Select-Admin
		As-User X-Box-As-User X-Email X-Groups X-Role X-Tenant-Role X-Scopes X-Permissions X-Admin X-Is-Admin X-Internal
		X-Internal-Token X-JWT-Assertion X-Id-Token X-Access-Token X-Shopify-Access-Token X-Token-Claims X-Accel-Redirect
		X-Sendfile Front-End-Https X-Url-Scheme X-Scheme X-Host X-Backend-Host X-Server-Name X-Path-Info X-Invoke-Path
		X-Matched-Path X-Vercel-IP-Country X-Nf-Client-Connection-Ip Fly-Client-IP X-AppEngine-User-IP X-ARR-LOG-ID
		CloudFront-Viewer-Country Destination Surrogate-Capability Origin Referer X-Origin X-Referer Sec-Fetch-Site Via
		X-Verb X-HTTP-Verb X-Tunneled-Verb X-Override X-SSO-User OIDC_CLAIM_sub Shib-Identity-Provider X-LiteSpeed-Tag
		Proxy-Authorization HTTP2-Settings Keep-Alive Cookie Authorization BFF-User X-CSRF Sudo X-Sudo
		X-Person-Id Gap-Auth X-Scope-OrgID L5d-Client-Id L5d-Dtab X-Tyk-Authorization X-LSCache
		X-Act-As Act-As X-Gitlab-Sudo Iv-User Iv-Creds Iv-Groups SM_USER SMUSER Sm-Universalid Auth-User Authenticated-User
		RemoteUser XForwardedFor X-WSSecurity Redirect-Http-Authorization Private-Token Job-Token Deploy-Token X-Vault-Token
		X-Figma-Token X-Parse-Master-Key Dapr-App-Id X-Dapr-App-Id Dapr-Api-Token X-Custom-IP-Authorization Request-Uri Http-Url Base-Url Uri Url`
	mustLeave = `Notion-Version Dropbox-API-Arg Dropbox-API-Path-Root X-Goog-Api-Client X-Goog-Api-Key X-Goog-User-Project
		X-Goog-FieldMask X-Goog-Request-Params X-Goog-Upload-Protocol X-Goog-Upload-Command X-Goog-Upload-Offset
		X-Goog-Upload-Header-Content-Type X-Goog-Upload-Header-Content-Length X-Goog-Resumable X-Goog-Hash X-Goog-Encryption-Key
		X-Upload-Content-Type X-Upload-Content-Length X-GUploader-No-308 X-GitHub-Api-Version X-GitHub-OTP GraphQL-Features
		LinkedIn-Version X-RestLi-Protocol-Version Stripe-Version Stripe-Account Idempotency-Key Prefer ConsistencyLevel
		Client-Request-Id Return-Client-Request-Id X-Ms-Version X-Ms-Blob-Type X-Ms-Date X-Ms-Client-Request-Id X-AnchorMailbox
		Xero-Tenant-Id Harvest-Account-Id X-Atlassian-Token X-ExperimentalApi Sforce-Call-Options Sforce-Query-Options
		X-User-Agent X-JavaScript-User-Agent X-Requested-With X-Request-Id Traceparent Tracestate Baggage If-None-Match
		If-Match If-Modified-Since Range Accept Accept-Language Accept-Encoding Content-Type Content-Range Content-Encoding
		Last-Event-ID Tus-Resumable Upload-Length Upload-Offset Upload-Metadata BoxApi Client-Id X-Api-Version Api-Version
		X-ClickUp-Client X-Airtable-Client-Secret Depth Lock-Token X-Figma-Client X-Zm-Trackingid Wikimedia-Debug Digest
		X-Cloud-Trace-Context X-Api-Key X-CSRF-Token Overwrite If Want-Digest Slug X-Server-Timeout`
	mustNotComeBack = `Set-Cookie Set-Cookie2 Access-Control-Allow-Origin Access-Control-Anything Clear-Site-Data Alt-Svc
		Strict-Transport-Security Service-Worker-Allowed Reporting-Endpoints Report-To NEL Refresh X-Envoy-Upstream-Service-Time
		X-Envoy-Immediate-Health-Check-Fail Secure-Session-Registration Secure-Session-Challenge Sec-Session-Registration
		Integrity-Policy Integrity-Policy-Report-Only Activate-Storage-Access X-LiteSpeed-Location X-LiteSpeed-Purge
		X-LSADC-Backend X-Accel-Redirect X-Accel-Expires X-Sendfile X-Lighttpd-Send-File X-Reproxy-URL Surrogate-Control
		Surrogate-Key Cache-Tag CDN-Cache-Control Cloudflare-CDN-Cache-Control Edge-Control Content-Security-Policy-Report-Only
		Permissions-Policy Feature-Policy Document-Policy Document-Isolation-Policy Cross-Origin-Opener-Policy
		Cross-Origin-Embedder-Policy-Report-Only Origin-Agent-Cluster Origin-Trial Accept-CH Critical-CH Timing-Allow-Origin
		Speculation-Rules Supports-Loading-Mode No-Vary-Search Use-As-Dictionary Set-Login Observe-Browsing-Topics
		Attribution-Reporting-Register-Source Shared-Storage-Write Ad-Auction-Allowed SourceMap X-SourceMap P3P X-UA-Compatible
		X-Permitted-Cross-Domain-Policies X-DNS-Prefetch-Control Public-Key-Pins Expect-CT BFF-Error BFF-Connection Expires
		X-Middleware-Rewrite X-Middleware-Next X-Nextjs-Rewrite X-Kong-Proxy-Latency Cookie Authorization Proxy-Authenticate
		Connection-Allowlist Xkey ARR-Disable-Session-Affinity Akamai-Grn Fastly-Restarts Sec-WebSocket-Accept Keep-Alive Age Pragma`
	mustComeBack = `ETag Last-Modified Content-Type Content-Language Content-Disposition Retry-After Link Location Server Date
		X-Goog-Hash X-Goog-Generation X-Goog-Upload-Status X-Goog-Upload-Chunk-Granularity X-Guploader-Uploadid X-RateLimit-Limit
		X-RateLimit-Remaining X-RateLimit-Reset RateLimit RateLimit-Policy_ X-GitHub-Request-Id X-OAuth-Scopes
		X-Accepted-OAuth-Scopes X-Total-Count X-Next-Page X-Request-Id Request-Id X-Ms-Request-Id Dropbox-API-Result
		Operation-Location Azure-AsyncOperation Warning Allow Accept-Ranges Content-Range Accept-Patch Preference-Applied
		Deprecation Sunset Server-Timing X-Frame-Options X-XSS-Protection Upload-Offset Tus-Resumable Location_ Notion-Request-Id
		X-Notion-Request-Id Stripe-Version OData-Version DAV Content-Digest Repr-Digest X-Slack-Req-Id WWW-Authenticate
		X-Atlassian-Token X-LinkedIn-Id X-RestLi-Id X-Amz-Meta-Name X-Amz-Request-Id Sforce-Limit-Info Referrer-Policy
		X-Robots-Tag Content-Location`
)

// names reads a list; a mark at the end of a name is not part of it.
func names(list string) []string {
	var out []string
	for name := range strings.FieldsSeq(list) {
		out = append(out, strings.TrimSuffix(name, "_"))
	}
	return out
}

func TestFieldsOfARefusedFamilyDoNotLeave(t *testing.T) {
	got := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { got <- req.Header.Clone() })
	for _, name := range names(mustNotLeave) {
		for _, spelled := range []string{name, strings.ToLower(name), strings.ReplaceAll(name, "-", "_"), name + "_",
			"-" + strings.ReplaceAll(name, "-", "__")} {
			r.raw("GET /api/x/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + spelled + ": planted\r\n\r\n")
			for left, values := range testenv.Receive(t, "what was sent", got) {
				if slices.Contains(values, "planted") {
					t.Errorf("%s left as %s", spelled, left)
				}
			}
		}
	}
}

func TestFieldsOfRealClientsLeave(t *testing.T) {
	got := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { got <- req.Header.Clone() })
	for _, name := range names(mustLeave) {
		r.do("GET", "/api/x/a", nil, name+": 1")
		if h := testenv.Receive(t, "what was sent", got); h.Get(name) == "" {
			t.Errorf("%s did not leave", name)
		}
	}
}

func TestFieldsOfARefusedFamilyDoNotComeBack(t *testing.T) {
	var header http.Header
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
	})
	for _, name := range names(mustNotComeBack) {
		for _, spelled := range []string{name, strings.ToLower(name), strings.ReplaceAll(name, "-", "_"), name + "_",
			"-" + strings.ReplaceAll(name, "-", "__")} {
			header = http.Header{spelled: {"planted"}}
			for back, values := range r.do("GET", "/api/x/a", nil).Header {
				if slices.Contains(values, "planted") {
					t.Errorf("%s came back as %s", spelled, back)
				}
			}
		}
	}
}

func TestFieldsOfRealServersComeBack(t *testing.T) {
	var header http.Header
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
	})
	for _, name := range names(mustComeBack) {
		header = http.Header{http.CanonicalHeaderKey(name): {"1"}}
		if r.do("GET", "/api/x/a", nil).Header.Get(name) == "" {
			t.Errorf("%s did not come back", name)
		}
	}
}

func TestAnAPIMayNameItsOwnFields(t *testing.T) {
	got := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		got <- req.Header.Clone()
		for _, name := range []string{"X-One", "X-Two", "Set-Cookie", "X-Envoy-Peer", "ETag"} {
			w.Header().Set(name, "1")
		}
	}, func(c *proxy.Config) {
		c.RequestHeaders, c.ResponseHeaders = []string{"X-Amz-Date", "notion_version"}, []string{"X-One",
			"X-Envoy-Peer"}
	})
	res := r.do("GET", "/api/x/a", nil, "X-Amz-Date: 1", "Notion-Version: 1", "X-Goog-Api-Client: 1", "Accept: a/b",
		"Cookie: c=1")
	h := testenv.Receive(t, "what was sent", got)
	for name, want := range map[string]bool{"X-Amz-Date": true, "Notion-Version": true, "X-Goog-Api-Client": false,
		"Accept": true,
		"Cookie": false, "Authorization": true} {
		if (h.Get(name) != "") != want {
			t.Errorf("%s left: %v, want %v", name, !want, want)
		}
	}
	for name, want := range map[string]bool{"X-One": true, "X-Two": false, "Set-Cookie": false, "X-Envoy-Peer": true,
		"Etag":                   true,
		"X-Content-Type-Options": true} {
		if (res.Header.Get(name) != "") != want {
			t.Errorf("%s came back: %v, want %v", name, !want, want)
		}
	}
}

// A usual field under another spelling would be a second one to a server that reads both as one: a condition that is
// not bound to the account, a range, a length. None leaves and none comes back.
func TestAUsualFieldInDisguiseDoesNotPass(t *testing.T) {
	usual := strings.Fields(`Accept Accept-Encoding Accept-Language Cache-Control Content-Encoding Content-Language
		Content-Length Content-Range Content-Type If-Match If-Modified-Since If-None-Match If-Range If-Unmodified-Since
		Last-Event-Id Pragma Range User-Agent`)
	back := strings.Fields(`Cache-Control Content-Encoding Content-Language Content-Length Content-Range Content-Type Date
		Etag Last-Modified Link Location Retry-After Server Vary Accept-Ranges Content-Disposition`)
	got := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		got <- req.Header
		for _, name := range back {
			for _, other := range disguises(name) {
				w.Header()[other] = []string{"planted"}
			}
		}
	})
	lines := ""
	for _, name := range usual {
		for _, other := range disguises(name) {
			lines += other + ": planted\r\n"
		}
	}
	res := r.raw("GET /api/x/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + lines + "\r\n")
	for direction, h := range map[string]http.Header{"left": testenv.Receive(t, "what left", got), "came back": res.Header} {
		for name, values := range h {
			if slices.Contains(values, "planted") {
				t.Errorf("%s %s", name, direction)
			}
		}
	}
	if res.StatusCode != http.StatusOK {
		t.Errorf("%d", res.StatusCode)
	}
}

// disguises are other spellings of a name that some servers read as it.
func disguises(name string) []string {
	all := []string{name + "_", "_" + name, name + "."}
	if strings.Contains(name, "-") {
		all = append(all, strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(name, "-", "."), strings.ReplaceAll(name, "-", "--"))
	}
	return all
}
