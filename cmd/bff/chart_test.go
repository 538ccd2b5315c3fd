package main_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/goccy/go-yaml"

	main "bff/cmd/bff"
)

// render makes the chart's manifests as Helm does, by their file: its templates are Go's, and these are the functions
// of Helm that they use. One that they use and that is not here fails the test. change changes the values.
func render(t *testing.T, change func(values map[string]any)) map[string]string {
	t.Helper()
	chart := filepath.Join(root, "deploy/helm/bff")
	read := func(file string) (v map[string]any) {
		text, err := os.ReadFile(filepath.Join(chart, file))
		if err == nil {
			err = yaml.Unmarshal(text, &v)
		}
		if err != nil {
			t.Fatal(file, err)
		}
		return v
	}
	values, about := read("values.yaml"), read("Chart.yaml")
	change(values)
	all := template.New("").Option("missingkey=error")
	all.Funcs(template.FuncMap{
		"include": func(name string, data any) (string, error) {
			var b strings.Builder
			err := all.ExecuteTemplate(&b, name, data)
			return b.String(), err
		},
		"toYaml": func(v any) (string, error) {
			b, err := yaml.Marshal(v)
			return strings.TrimSuffix(string(b), "\n"), err
		},
		"nindent": func(n int, s string) string {
			pad := "\n" + strings.Repeat(" ", n)
			return pad + strings.ReplaceAll(s, "\n", pad)
		},
		"sha256sum":  func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) },
		"quote":      func(v any) string { return fmt.Sprintf("%q", fmt.Sprint(v)) },
		"trunc":      func(n int, s string) string { return s[:min(n, len(s))] },
		"trimSuffix": func(suffix, s string) string { return strings.TrimSuffix(s, suffix) },
		"default": func(def, v any) any {
			if v == nil || v == "" {
				return def
			}
			return v
		},
	})
	files, err := filepath.Glob(filepath.Join(chart, "templates/*"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d templates, %v", len(files), err)
	}
	if _, err := all.ParseFiles(files...); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range files {
		name := filepath.Base(f)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var b strings.Builder
		err := all.ExecuteTemplate(&b, name, map[string]any{"Values": values,
			"Release": map[string]any{"Name": "shop", "Service": "Helm"},
			"Chart":   map[string]any{"AppVersion": about["appVersion"], "Name": about["name"]}})
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b.String()
	}
	return out
}

// A manifest is one object that a cluster is given.
type manifest = map[string]any

// manifests reads what was rendered, by kind and name.
func manifests(t *testing.T, rendered map[string]string) map[string]manifest {
	t.Helper()
	all := map[string]manifest{}
	for file, text := range rendered {
		d := yaml.NewDecoder(strings.NewReader(text))
		for {
			var m manifest
			if d.Decode(&m) != nil || m == nil {
				break
			}
			name := fmt.Sprint(m["kind"], " ", at(m, "metadata", "name"))
			if m["apiVersion"] == nil || m["kind"] == nil || at(m, "metadata", "name") == nil || all[name] != nil {
				t.Errorf("%s: %s is no object of its own", file, name)
			}
			all[name] = m
		}
		if strings.TrimSpace(text) != "" && strings.Count(text, "\nkind: ")+strings.Count(text, "kind: ") == 0 {
			t.Errorf("%s has no object:\n%s", file, text)
		}
	}
	return all
}

// at walks into an object by names and numbers of items, nil where there is nothing.
func at(v any, way ...any) any {
	for _, step := range way {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			l, _ := v.([]any)
			if s >= len(l) {
				return nil
			}
			v = l[s]
		}
	}
	return v
}

// The chart's objects fit together: whatever selects pods selects these, the configuration passes bff check, and the
// pods are given the time to end in.
func TestTheChartRenders(t *testing.T) {
	all := manifests(t, render(t, func(map[string]any) {}))
	pod := at(all["Deployment shop"], "spec", "template")
	labels := at(pod, "metadata", "labels").(map[string]any)
	for name, way := range map[string][]any{"Service shop": {"selector"}, "Service shop-admin": {"selector"},
		"Deployment shop": {"selector", "matchLabels"}, "PodDisruptionBudget shop": {"selector", "matchLabels"},
		"NetworkPolicy shop": {"podSelector", "matchLabels"}} {
		selector, _ := at(at(all[name], "spec"), way...).(map[string]any)
		for k, v := range selector {
			if labels[k] != v {
				t.Errorf("%s selects %s=%v, the pods have %v", name, k, v, labels[k])
			}
		}
		if len(selector) == 0 {
			t.Errorf("%s selects nothing", name)
		}
	}
	c := at(pod, "spec", "containers", 0)
	grace, _ := at(pod, "spec", "terminationGracePeriodSeconds").(uint64)
	pause, _ := at(c, "lifecycle", "preStop", "sleep", "seconds").(uint64)
	if grace < pause+15 || pause == 0 {
		t.Errorf("%d s to end in, of which %d are for load balancers: calls in flight may have 15", grace, pause)
	}
	file := filepath.Join(t.TempDir(), "bff.yaml")
	text, _ := at(all["ConfigMap shop"], "data", "bff.yaml").(string)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"BFF_KEY": newKey(t), "REDIS_URL": "redis://store:6379/0", "GOOGLE_CLIENT_SECRET": "x"}
	var out bytes.Buffer
	if code := main.Run(context.Background(), []string{"check", "--offline", "--config", file},
		func(n string) string { return env[n] }, &out, &out); code != 0 {
		t.Errorf("bff check of the rendered configuration: %d\n%s", code, out.String())
	}
}

// Whoever is not named reaches the browsers' port and no other.
func TestTheNetworkPolicyKeepsTheAdminListenerIn(t *testing.T) {
	for name, from := range map[string][]any{
		"as shipped": nil,
		"nobody":     {},
		"a namespace": {map[string]any{"namespaceSelector": map[string]any{
			"matchLabels": map[string]any{"kubernetes.io/metadata.name": "monitoring"}}}},
	} {
		all := manifests(t, render(t, func(values map[string]any) {
			if from != nil {
				values["networkPolicy"].(map[string]any)["adminFrom"] = from
			}
		}))
		policy := all["NetworkPolicy shop"]
		rules, _ := at(policy, "spec", "ingress").([]any)
		open, admin := 0, 0
		for _, rule := range rules {
			switch port := at(rule, "ports", 0, "port"); {
			case at(rule, "ports", 1) != nil || port == nil:
				t.Errorf("%s: a rule for several ports, or for all: %v", name, rule)
			case port == uint64(8080):
				open++
			case port == uint64(9090):
				admin++
				if who, _ := at(rule, "from").([]any); len(who) == 0 {
					t.Errorf("%s: everybody reaches the admin listener", name)
				}
			}
		}
		want := 1
		if name == "nobody" {
			want = 0
		}
		if open != 1 || admin != want || at(policy, "spec", "policyTypes", 0) != "Ingress" {
			t.Errorf("%s: %d rules for browsers, %d for the admin listener", name, open, admin)
		}
	}
}

// With everything switched on the chart renders too, and the ingress leads to the browsers' service.
func TestTheChartRendersWithEverythingOn(t *testing.T) {
	all := manifests(t, render(t, func(values map[string]any) {
		ingress := values["ingress"].(map[string]any)
		ingress["enabled"], ingress["className"], ingress["tlsSecret"] = true, "nginx", "app-tls"
		values["serviceMonitor"] = map[string]any{"enabled": true}
		values["podAnnotations"] = map[string]any{"a/b": "c"}
		values["nodeSelector"] = map[string]any{"disk": "ssd"}
		values["tolerations"] = []any{map[string]any{"key": "spot", "operator": "Exists"}}
		values["affinity"] = map[string]any{"podAntiAffinity": map[string]any{}}
	}))
	backend := at(all["Ingress shop"], "spec", "rules", 0, "http", "paths", 0, "backend", "service")
	if at(backend, "name") != "shop" || at(backend, "port", "name") != "http" {
		t.Errorf("the ingress leads to %v", backend)
	}
	pod := at(all["Deployment shop"], "spec", "template")
	for _, way := range [][]any{{"spec", "nodeSelector", "disk"}, {"spec", "tolerations", 0, "key"}, {"metadata", "annotations", "a/b"},
		{"metadata", "annotations", "checksum/config"}} {
		if at(pod, way...) == nil {
			t.Errorf("the pods have no %v", way)
		}
	}
	if at(all["ServiceMonitor shop"], "spec", "endpoints", 0, "path") != "/metrics" {
		t.Error("no ServiceMonitor")
	}
}
