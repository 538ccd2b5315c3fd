package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strconv"
	"time"

	"bff/internal/api"
	"bff/internal/oauth"
)

// Run is the program.
func Run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	return run(ctx, args, env, stdout, stderr)
}

// A View is what a test compares of a configuration.
type View struct {
	Origin, Listen, Admin string
	Trusted               []netip.Prefix
	Store, Cookie, Prefix string
	Keys                  []string
	Idle, Lifetime        time.Duration
	Providers             []oauth.ProviderConfig
	APIs                  []APIView
	Clients               []api.Client
	Dir, Upstream         string
	Origins               []string
	Limits                api.Limits
	Level                 slog.Level
	Text, Cache           bool
	Shutdown              time.Duration
	Warnings              []string
}

// An APIView is what a test compares of an api.
type APIView struct {
	Name, Path, Host, Provider, Upstream string
	Upstreams, Headers                   map[string]string
	Scopes, Allow, Encoded, Rewrite      []string
	Header, Scheme                       string
	Timeout, Idle                        time.Duration
}

// Read reads a configuration. With a report there is no view.
func Read(name string, data []byte, env func(string) string) (*View, string) {
	c, report := readConfig(name, data, env)
	if report != "" {
		return nil, report
	}
	v := &View{Origin: c.origin.String(), Listen: c.listen, Admin: c.admin, Trusted: c.trusted, Store: c.session.store.Reveal(), Cookie: c.cookie(),
		Prefix: c.session.prefix, Cache: c.session.cache, Idle: c.session.idle, Lifetime: c.session.lifetime, Providers: c.providers, Clients: c.clients, Dir: c.frontend.dir,
		Origins: c.frontend.origins, Limits: c.limits, Level: c.log.level, Text: c.log.text, Shutdown: c.shutdown}
	if c.frontend.upstream != nil {
		v.Upstream = c.frontend.upstream.String()
	}
	for _, k := range c.session.keys {
		v.Keys = append(v.Keys, k.Reveal())
	}
	for _, a := range c.apis {
		v.APIs = append(v.APIs, APIView{Name: a.Name, Path: a.Path, Host: a.Host, Provider: a.provider, Upstream: a.Upstream, Upstreams: a.Upstreams,
			Headers: a.SetHeaders, Scopes: a.scopes, Allow: a.Allow, Encoded: a.Encoded, Rewrite: a.Rewrite, Header: a.Header, Scheme: a.Scheme,
			Timeout: a.Timeout, Idle: a.Config.Idle})
	}
	for _, w := range c.warnings() {
		v.Warnings = append(v.Warnings, w.text)
	}
	return v, ""
}

// Nearest is what a misspelled word is taken for.
func Nearest(word string, candidates []string) string { return nearest(word, candidates) }

// ProviderKeys are the keys that a provider may have.
func ProviderKeys() []string {
	var keys []string
	for _, f := range providerFields(&oauth.ProviderConfig{}, "x") {
		keys = append(keys, f.name)
	}
	return keys
}

// Tell prints the table of scenarios with these expectations, and gives the exit code and text of the command.
func Tell(w io.Writer, expected, happened []string) (int, string) {
	var all []scenario
	for i, e := range expected {
		all = append(all, scenario{name: "no. " + strconv.Itoa(i), expected: e})
	}
	err := tell(w, all, happened)
	var e *exit
	if errors.As(err, &e) {
		return e.code, e.text
	}
	return 0, ""
}

// RoomForGarbage is what serve holds while it runs.
func RoomForGarbage(env func(string) string) (release func()) { return roomForGarbage(env) }
