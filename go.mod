module bff

go 1.26.0

require (
	github.com/Shopify/toxiproxy/v2 v2.12.0 // tests: networks that are slow, cut off or silent
	github.com/alecthomas/kong v1.17.0 // the command line, declared once as structs
	github.com/alicebob/miniredis/v2 v2.40.0 // `memory:` and `bff dev`: the same scripts as on a Redis, without one; 2.3 MB of 38.7
	github.com/andybalholm/brotli v1.3.0 // precomputed br of embedded files and of frontend.dir
	github.com/chromedp/cdproto v0.159.0 // tests: Chromium's protocol
	github.com/chromedp/chromedp v0.23.0 // tests: a real Chromium
	github.com/coder/websocket v1.8.15 // the demo and tests: WebSockets
	github.com/coreos/go-oidc/v3 v3.21.0 // tests: a verifier of ID tokens that others wrote
	github.com/evanphx/json-patch/v5 v5.9.11 // merge patch, RFC 7396
	github.com/fxamacker/cbor/v2 v2.10.0 // sealed records: compact, strict, with fixed field numbers
	github.com/go-jose/go-jose/v4 v4.1.8 // JOSE: client assertions, logout tokens, security events, JWKS
	github.com/go-json-experiment/json v1.27.2 // strict JSON: no name twice, bounded depth
	github.com/goccy/go-yaml v1.19.2 // bff.yaml with the position of every value
	github.com/google/go-cmp v0.7.0 // tests: differences that can be read
	github.com/gorilla/sessions v1.4.0 // how a session is made, saved and loaded
	github.com/jub0bs/cors v0.8.0 // CORS of `frontend.origins`
	github.com/letsencrypt/challtestsrv v1.4.2 // tests: the DNS of the ACME authority
	github.com/letsencrypt/pebble/v2 v2.10.3 // tests: an ACME authority
	github.com/maypok86/otter/v2 v2.4.0 // bounded caches
	github.com/prometheus/client_golang v1.25.0 // metrics
	github.com/rbcervilla/redisstore/v9 v9.0.0 // the gorilla store on Redis
	github.com/redis/go-redis/v9 v9.23.0 // Redis alone, under Sentinel, as a Cluster
	github.com/rogpeppe/go-internal v1.16.0 // tests: scripts of the command line
	github.com/rs/zerolog v1.33.0 // tests: toxiproxy wants its logger
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // tests: the schemas that `bff schema` and the API description print
	github.com/standard-webhooks/standard-webhooks/libraries v0.0.1 // signatures of the hook and of events
	github.com/yuin/goldmark v1.8.7 // the documents as a site
	golang.org/x/crypto v0.58.0 // certificates by ACME: autocert of the Go project
	golang.org/x/net v0.62.0 // what may stand in a header field: httpguts; which domains somebody registered: publicsuffix
	golang.org/x/oauth2 v0.38.0 // authorization code, PKCE, refresh; oauth2/google has Google's endpoints
	golang.org/x/sync v0.25.0 // one flight for callers that wait for the same thing
	golang.org/x/time v0.16.0 // rate limits
	google.golang.org/api v0.312.0 // tests: Google's own clients through the proxy
	pgregory.net/rapid v1.3.0 // tests: models that random steps are held against
)

require (
	go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp v0.70.0 // spans of what is asked of providers; in tests, what spans of calls have to say
	go.opentelemetry.io/otel v1.47.0 // tracing
	go.opentelemetry.io/otel/exporters/otlp/otlptrace v1.47.0 // what a client that sends spans can
	go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp v1.47.0 // spans leave by OTLP over HTTP
	go.opentelemetry.io/otel/metric v1.47.0 // a meter that measures nothing: metrics stay Prometheus'
	go.opentelemetry.io/otel/sdk v1.47.0 // sampling, batches, bounds
	go.opentelemetry.io/otel/trace v1.47.0 // spans
	go.opentelemetry.io/proto/otlp v1.11.0 // the messages that spans leave in; in tests, a receiver that reads them
	google.golang.org/protobuf v1.36.12 // spans are written as protobuf; in tests, read
)

require (
	cloud.google.com/go/auth v0.24.1-0.20261001053825-dbc26066f70a // indirect
	cloud.google.com/go/auth/oauth2adapt v0.3.1 // indirect
	cloud.google.com/go/compute/metadata v0.10.0 // indirect
	github.com/BurntSushi/toml v1.4.1-0.20240526193622-a339e1f7089c // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cenkalti/backoff/v5 v5.0.3 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/felixge/httpsnoop v1.1.0 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/s2a-go v0.1.11 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/googleapis/enterprise-certificate-proxy v0.3.25 // indirect
	github.com/googleapis/gax-go/v2 v2.27.0 // indirect
	github.com/gorilla/mux v1.8.1 // indirect
	github.com/gorilla/securecookie v1.1.2 // indirect
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.30.0 // indirect
	github.com/kylelemons/godebug v1.1.0 // indirect
	github.com/mattn/go-colorable v0.1.13 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/miekg/dns v1.1.62 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/rs/xid v1.5.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	github.com/yuin/gopher-lua v1.1.1 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/exp/typeparams v0.0.0-20231108232855-2478ac86f678 // indirect
	golang.org/x/mod v0.43.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20261012220534-4341edf3f941 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261104224025-d1e00e9f33ab // indirect
	google.golang.org/grpc v1.85.0 // indirect
	gopkg.in/tomb.v1 v1.0.0-20141024135613-dd632973f1e7 // indirect
	honnef.co/go/tools v0.8.2 // indirect
)

tool honnef.co/go/tools/cmd/staticcheck
