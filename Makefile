# `make test` is what a change must pass; it installs what it needs. The rest is for people.
GO      ?= go
SUDO    := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
INSTALL  = $(SUDO) apt-get update -q && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -qy --no-install-recommends
LOCKS   := $(wildcard internal/*/node/package-lock.json web/*/package-lock.json)

.PHONY: test tools lint short bench fuzz chaos frameworks screenshots build docs

test: tools lint
	$(GO) test -race -p 2 -parallel 4 -timeout 40m ./...
	cd web/client && npm test

build:
	$(GO) build -trimpath -o bin/bff ./cmd/bff

# The documents as a static site. A link that leads nowhere is an error; `make test` looks too.
docs:
	rm -rf bin/site
	$(GO) run ./internal/docsite -out bin/site

# Only what is missing is installed.
tools: $(LOCKS:package-lock.json=node_modules/.package-lock.json)
	@command -v redis-server >/dev/null && command -v redis-sentinel >/dev/null || { $(INSTALL) redis-server redis-sentinel; }
	@command -v chromium >/dev/null || { $(INSTALL) chromium; }
	@command -v promtool >/dev/null && command -v prometheus >/dev/null || { $(INSTALL) prometheus; }
	@test -x /usr/sbin/nginx && test -x /usr/bin/caddy || { $(INSTALL) nginx caddy; }
	@python3 -c 'import cryptography' 2>/dev/null || /usr/bin/python3 -c 'import cryptography' 2>/dev/null || { $(INSTALL) python3-cryptography; }

%/node_modules/.package-lock.json: %/package-lock.json
	@command -v npm >/dev/null || { $(INSTALL) nodejs npm; }
	cd $* && npm ci --no-audit --no-fund --ignore-scripts && touch node_modules/.package-lock.json

lint:
	@test -z "$$(gofmt -l cmd internal web)" || { echo "gofmt these:"; gofmt -l cmd internal web; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

short:
	$(GO) test ./cmd/... ./internal/config/... ./internal/app/... ./internal/vault/... ./internal/oauth/... ./internal/api/... ./internal/proxy/... ./internal/archtest/...

# What a call costs, beside a plain reverse proxy: docs/performance.md. The rest of the package takes longer.
bench:
	$(GO) test -run '^$$' -bench Table -timeout 20m ./internal/bench

# Every fuzz target for FUZZTIME each.
FUZZTIME ?= 1m
fuzz:
	@grep -rlE '^func Fuzz' --include=*_test.go cmd internal | xargs -n1 dirname | sort -u | while read -r dir; do \
		grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go | cut -c6- | while read -r target; do \
			echo "$$dir $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) ./$$dir || exit 1; done || exit 1; done

# Every outage of the end-to-end suite ROUNDS times, with a storm of random ones that lasts STORM each time.
ROUNDS ?= 20
STORM  ?= 10m
chaos: tools
	$(GO) test -race -timeout 6h -count $(ROUNDS) -run "Outage|Refresh|Logout" ./internal/e2e -chaos $(STORM)

# The npm package in real applications of Next.js and SvelteKit: installs half a gigabyte, takes minutes.
frameworks: web/client/node_modules/.package-lock.json
	cd web/client && node --test frameworks/

screenshots: tools
	BFF_SCREENSHOTS=$(CURDIR)/docs/screenshots $(GO) test -run Screenshots -count 1 ./internal/...
