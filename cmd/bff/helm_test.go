package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	main "bff/cmd/bff"
)

// helmlint builds Helm's own linter and renderer.
func helmlint(t *testing.T) func(args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	module, err := txtar.ParseFile("testdata/helmlint.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range module.Files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tool := filepath.Join(dir, "helmlint")
	build := exec.CommandContext(ctx, "go", "build", "-o", tool, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		var out, failed bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &failed
		err := cmd.Run()
		return out.String() + failed.String(), err
	}
}

// Helm's linter has nothing to say against the chart, and would have: each broken copy is refused. Helm renders what the
// other tests of the chart look at, and a configuration that bff takes.
func TestHelmTakesTheChart(t *testing.T) {
	t.Parallel()
	helm := helmlint(t)
	t.Run("lints it", func(t *testing.T) { lintsTheChart(t, helm) })
	t.Run("renders it", func(t *testing.T) { rendersTheChart(t, helm) })
}

func lintsTheChart(t *testing.T, helm func(args ...string) (string, error)) {
	chart := filepath.Join(root, "deploy/helm/bff")
	if out, err := helm(chart); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for name, broken := range map[string]struct{ file, old, new, says string }{
		"a version that is none": {"Chart.yaml", "apiVersion: v2", "apiVersion: v9", "apiVersion 'v9' is not valid"},
		"no name":                {"Chart.yaml", "name: bff\n", "", "name is required"},
		"a value that is none":   {"templates/service.yaml", "apiVersion:", "{{ .Values.none.such }}\napiVersion:", "executing"},
		"a function of nobody's": {"templates/service.yaml", "apiVersion:", "{{ frobnicate }}\napiVersion:", "frobnicate"},
		"no YAML":                {"templates/configmap.yaml", "kind: ConfigMap", "kind: [ConfigMap", "YAML"},
	} {
		copied := filepath.Join(t.TempDir(), "bff")
		if err := os.CopyFS(copied, os.DirFS(chart)); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(copied, broken.file))
		if err != nil || !strings.Contains(string(text), broken.old) {
			t.Fatalf("%s: %v", name, err)
		}
		changed := strings.Replace(string(text), broken.old, broken.new, 1)
		if err := os.WriteFile(filepath.Join(copied, broken.file), []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := helm(copied); err == nil || !strings.Contains(out, broken.says) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func rendersTheChart(t *testing.T, helm func(args ...string) (string, error)) {
	out, err := helm(filepath.Join(root, "deploy/helm/bff"), "shop")
	if err != nil {
		t.Fatal(out, err)
	}
	var rendered map[string]string
	if err := json.Unmarshal([]byte(out), &rendered); err != nil {
		t.Fatal(err)
	}
	helms, ours := manifests(t, rendered), manifests(t, render(t, func(map[string]any) {}))
	text, _ := at(helms["ConfigMap shop"], "data", "bff.yaml").(string)
	for _, all := range []map[string]manifest{helms, ours} { // the same object may be written as several texts
		data := at(all["ConfigMap shop"], "data").(map[string]any)
		var config map[string]any
		if err := yaml.Unmarshal([]byte(data["bff.yaml"].(string)), &config); err != nil {
			t.Fatal(err)
		}
		data["bff.yaml"] = config
		annotations := at(all["Deployment shop"], "spec", "template", "metadata", "annotations").(map[string]any)
		if sum, _ := annotations["checksum/config"].(string); len(sum) != 64 {
			t.Errorf("checksum/config is %q", sum)
		}
		delete(annotations, "checksum/config")
	}
	if diff := cmp.Diff(ours, helms); diff != "" {
		t.Errorf("Helm renders something else (+):\n%s", diff)
	}
	file := filepath.Join(t.TempDir(), "bff.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"BFF_KEY": newKey(t), "REDIS_URL": "redis://store:6379/0", "GOOGLE_CLIENT_SECRET": "x"}
	var said bytes.Buffer
	if code := main.Run(t.Context(), []string{"check", "--offline", "--config", file},
		func(n string) string { return env[n] }, &said, &said); code != 0 {
		t.Errorf("bff check of the configuration that Helm renders: %d\n%s", code, said.String())
	}
}
