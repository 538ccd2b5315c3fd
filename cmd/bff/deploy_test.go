package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	main "bff/cmd/bff"
	"bff/internal/api/metrics"
)

const root = "../.."

// The configuration of compose.yaml has no mistakes once the secrets are set that compose.yaml asks for.
func TestTheConfigurationOfComposePasses(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "deploy/compose/bff.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	site, err := filepath.Abs(filepath.Join(root, "examples/plain/site"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bff.yaml")
	if err := os.WriteFile(file, bytes.Replace(text, []byte("/srv/site"), []byte(site), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	compose, err := os.ReadFile(filepath.Join(root, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	env := func(name string) string {
		switch {
		case !strings.Contains(string(compose), "      "+name+":"):
			return ""
		case name == "BFF_KEY":
			return newKey(t)
		case name == "REDIS_URL":
			return "redis://:x@store:6379/0"
		}
		return "a-secret-of-some-length"
	}
	var out bytes.Buffer
	if code := main.Run(context.Background(), []string{"check", "--offline", "--config", file}, env, &out, &out); code != 0 {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
}

// The dashboard and the alert rules ask for metrics that bff has.
func TestDashboardAndRulesAskForMetricsThatExist(t *testing.T) {
	m := metrics.New(nil, "v")
	m.Expect([]string{"google"})
	m.Refresh(t.Context(), "google", "ok", 0)
	m.Revocation("google", "revoked")
	m.ForMount("calendar").Call(http.StatusOK)
	m.Request("/bff/session", http.StatusOK)
	w := httptest.NewRecorder()
	m.Scrape(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	named := regexp.MustCompile(`\b(?:bff|process|go)_[a-z_]+\b`)
	for _, file := range []string{"deploy/grafana/bff.json", "deploy/prometheus/rules.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		found := named.FindAllString(string(text), -1)
		if len(found) < 5 {
			t.Errorf("%s names only %d metrics", file, len(found))
		}
		for _, name := range found {
			if !strings.Contains(w.Body.String(), "\n"+name) {
				t.Errorf("%s asks for %s, which bff does not have", file, name)
			}
		}
	}
	var dashboard map[string]any
	text, _ := os.ReadFile(filepath.Join(root, "deploy/grafana/bff.json"))
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Error(err)
	}
}

// The chart's values hold a configuration without mistakes but for the secrets.
func TestTheConfigurationOfTheChartPasses(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "deploy/helm/bff/values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var values struct {
		Config map[string]any `yaml:"config"`
	}
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	config, err := yaml.Marshal(values.Config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bff.yaml")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"BFF_KEY": newKey(t), "REDIS_URL": "redis://store:6379/0", "GOOGLE_CLIENT_SECRET": "x"}
	var out bytes.Buffer
	code := main.Run(
		context.Background(),
		[]string{"check", "--offline", "--config", file},
		func(n string) string { return env[n] },
		&out,
		&out,
	)
	if code != 0 {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
}

func newKey(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	if code := main.Run(context.Background(), []string{"keygen"}, func(string) string { return "" }, &out, &out); code != 0 {
		t.Fatal(out.String())
	}
	return strings.TrimSpace(out.String())
}

// Prometheus takes the alert rules, and each fires when it should and not when it should not.
func TestAlertRules(t *testing.T) {
	for _, args := range [][]string{{"check", "rules", "rules.yaml"}, {"test", "rules", "rules_test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), "promtool", args...)
		cmd.Dir = filepath.Join(root, "deploy/prometheus")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v (`make tools` installs it)\n%s", strings.Join(args, " "), err, out)
		}
	}
	rules, err := os.ReadFile(filepath.Join(root, "deploy/prometheus/rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(filepath.Join(root, "deploy/prometheus/rules_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
		if strings.Count(string(tests), m[1]) < 2 {
			t.Errorf("%s is not tested both ways", m[1])
		}
	}
}
