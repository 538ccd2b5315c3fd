package archtest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Layers is the law of imports: a package, and the packages of this repository that it may import. A package that is
// not here may not exist. ARCHITECTURE.md has the same packages with one sentence each.
type Layers map[string][]string

// House returns the layers of this repository, from the bottom up. No package imports one that stands below it here.
func House() Layers {
	domain := []string{"internal/secret", "internal/trace", "internal/vault", "internal/oauth", "internal/proxy",
		"internal/audit", "internal/assertion", "internal/users", "internal/dial", "internal/httpfield"}
	pipeline := append(slices.Clone(domain), "internal/api/answer", "internal/api/problem", "internal/api/metrics",
		"internal/api/route")
	domain, pipeline = slices.Clip(domain), slices.Clip(pipeline) // each append makes a list of its own
	return Layers{
		"internal/secret":    nil,
		"internal/dial":      nil,
		"internal/httpfield": nil,
		"internal/audit":     nil,
		"internal/explain":   {"internal/audit"},
		"internal/webhook":   {"internal/secret", "internal/dial", "internal/httpfield", "internal/trace"},
		"internal/users":     {"internal/secret", "internal/webhook"},

		"internal/vault/seal":  {"internal/secret"},
		"internal/vault/store": {"internal/vault/seal"},
		"internal/vault": {"internal/secret", "internal/trace", "internal/audit", "internal/vault/seal",
			"internal/vault/store"},

		"internal/assertion": {"internal/secret"},

		"internal/importer":        nil,
		"internal/oauth/address":   {"internal/dial"},
		"internal/oauth/claims":    nil,
		"internal/oauth/providers": {"internal/secret", "internal/vault", "internal/oauth/address", "internal/oauth/claims"},
		"internal/oauth/client": {
			"internal/dial",
			"internal/httpfield",
			"internal/secret",
			"internal/trace",
			"internal/vault",
			"internal/oauth/address",
			"internal/oauth/providers",
			"internal/oauth/claims",
		},
		"internal/oauth/refresh": {
			"internal/secret",
			"internal/trace",
			"internal/vault",
			"internal/oauth/claims",
			"internal/oauth/client",
			"internal/audit",
		},
		"internal/oauth": {
			"internal/secret",
			"internal/trace",
			"internal/vault",
			"internal/oauth/address",
			"internal/oauth/providers",
			"internal/oauth/claims",
			"internal/oauth/client",
			"internal/oauth/refresh",
			"internal/audit",
		},

		"internal/proxy/inflate":  nil,
		"internal/proxy/wire":     nil,
		"internal/proxy/coding":   {"internal/proxy/inflate"},
		"internal/proxy/jsonurl":  nil,
		"internal/proxy/tripwire": {"internal/secret"},
		"internal/proxy": {"internal/dial", "internal/httpfield", "internal/secret", "internal/trace",
			"internal/proxy/coding", "internal/proxy/jsonurl", "internal/proxy/tripwire", "internal/proxy/wire"},
		"internal/trace":     nil,
		"internal/telemetry": {"internal/trace"},
		"internal/deliver":   {"internal/vault", "internal/webhook"},

		"internal/api/answer":  nil,
		"internal/api/problem": append(domain, "internal/api/answer"),
		"internal/api/metrics": append(domain, "internal/api/problem"),
		"internal/api/route": append(domain, "internal/telemetry", "internal/api/answer", "internal/api/problem",
			"internal/api/metrics"),
		"internal/api/document": pipeline,
		"internal/api/manage":   append(pipeline, "internal/explain", "internal/api/document"),
		"internal/api/live":     pipeline,
		"internal/api/frontend": pipeline,
		"internal/api/backend":  pipeline,
		"internal/api/admin":    append(pipeline, "internal/api/backend", "internal/api/signin", "internal/api/openapi"),
		"internal/api/signin":   pipeline,
		"internal/api": append(pipeline, "internal/telemetry", "internal/explain", "internal/api/live", "internal/api/frontend", "internal/api/admin",
			"internal/api/signin", "internal/api/backend", "internal/api/manage", "internal/api/document"),

		"internal/api/openapi": {"internal/api/route"},
		"web":                  nil,
		"internal/docsite":     nil,

		"internal/demo/answer":  nil,
		"internal/demo/journal": nil,
		"internal/demo/shelf":   nil,
		"internal/demo/trouble": nil,
		"internal/demo/provider": {"internal/demo/answer", "internal/demo/journal", "internal/demo/shelf",
			"internal/demo/trouble"},
		"internal/demo/apis": {"internal/demo/answer", "internal/demo/journal", "internal/demo/shelf",
			"internal/demo/trouble", "internal/demo/provider"},
		"internal/demo/backend": {"internal/demo/answer", "internal/demo/journal", "internal/demo/trouble"},
		"internal/demo": {"internal/demo/answer", "internal/demo/journal", "internal/demo/trouble",
			"internal/demo/provider", "internal/demo/apis", "internal/demo/backend"},

		"internal/config": {
			"internal/dial",
			"internal/secret",
			"internal/vault",
			"internal/oauth/address",
			"internal/oauth/providers",
			"internal/proxy",
			"internal/users",
			"internal/webhook",
		},
		"internal/probe": {"internal/oauth/providers"},
		"internal/app": {
			"internal/probe",
			"internal/secret",
			"internal/vault",
			"internal/oauth/providers",
			"internal/oauth",
			"internal/proxy",
			"internal/proxy/wire",
			"internal/api",
			"internal/config",
			"internal/api/frontend",
			"internal/api/metrics",
			"internal/assertion",
			"internal/users",
			"internal/webhook",
			"internal/deliver",
			"web",
			"internal/audit",
			"internal/explain",
			"internal/telemetry",
			"internal/api/route",
			"internal/api/manage",
			"internal/trace",
		},
		"internal/simulate/standin": {"internal/oauth/providers"},
		"internal/simulate": {
			"internal/probe",
			"internal/secret",
			"internal/vault",
			"internal/oauth/address",
			"internal/oauth/providers",
			"internal/oauth",
			"internal/proxy",
			"internal/config",
			"internal/app",
			"internal/simulate/standin",
		},
		"internal/devsite": {
			"internal/dial",
			"internal/api/frontend",
			"internal/config",
			"internal/app",
			"internal/secret",
			"internal/oauth/providers",
			"internal/demo",
			"internal/demo/provider",
			"web",
		},
		"internal/cli": nil,
		"cmd/bff": {
			"internal/probe",
			"internal/vault",
			"internal/oauth/providers",
			"internal/oauth",
			"internal/config",
			"internal/app",
			"internal/simulate",
			"internal/cli",
			"internal/devsite",
			"internal/audit",
			"internal/importer",
		},
	}
}

// allows reports whether from may import to.
func (l Layers) allows(from, to string) bool { return slices.Contains(l[from], to) }

// Names returns every package, sorted, without "internal/".
func (l Layers) Names() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(l)) {
		all = append(all, strings.TrimPrefix(name, "internal/"))
	}
	slices.Sort(all)
	return all
}

// Cycle returns packages that import each other in a circle, nil when there is no such circle.
func (l Layers) Cycle() []string {
	var path []string
	var visit func(name string) []string
	visit = func(name string) []string {
		if i := slices.Index(path, name); i >= 0 {
			return append(path[i:], name)
		}
		path = append(path, name)
		for _, to := range l[name] {
			if circle := visit(to); circle != nil {
				return circle
			}
		}
		path = path[:len(path)-1]
		return nil
	}
	for name := range l {
		if circle := visit(name); circle != nil {
			return circle
		}
	}
	return nil
}

var tableRow = regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\|")

// TableNames returns the first column of a document's table of layers, sorted, without "internal/".
func TableNames(document string) []string {
	var all []string
	for _, row := range tableRow.FindAllStringSubmatch(document, -1) {
		all = append(all, row[1])
	}
	slices.Sort(all)
	return all
}
