package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"bff/internal/testenv"
)

// A watched is a query that a person sees the result of, and the labels by which its text names each series.
type watched struct {
	title, expr string
	labels      []string
}

// panels are the queries of the dashboard, with the labels of their legends.
func panels(t *testing.T) (all []watched) {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "deploy/grafana/bff.json"))
	if err == nil {
		err = json.Unmarshal(text, &dashboard)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			s := watched{title: p.Title, expr: strings.ReplaceAll(target.Expr, "$__rate_interval", "1m")}
			for _, m := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				s.labels = append(s.labels, m[1])
			}
			all = append(all, s)
		}
	}
	return all
}

const rulesFile = "deploy/prometheus/rules.yaml"

// alerts are what the alert rules compare with their limits, with the labels that their texts name.
func alerts(t *testing.T) (all []watched) {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), rulesFile))
	if err == nil {
		err = yaml.Unmarshal(text, &rules)
	}
	if err != nil {
		t.Fatal(err)
	}
	limit := regexp.MustCompile(`(?:>|==) [\d.]+\s*$`)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if !limit.MatchString(r.Expr) {
				t.Errorf("%s compares with nothing: %s", r.Alert, r.Expr)
			}
			s := watched{title: r.Alert, expr: limit.ReplaceAllString(r.Expr, "")}
			for _, text := range r.Annotations {
				for _, m := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
					s.labels = append(s.labels, m[1])
				}
			}
			all = append(all, s)
		}
	}
	return all
}

// Every panel of the dashboard, and what every alert rule compares, is something of a run in which everything happened
// that they are about, and each series has the labels by which their texts name it: the queries are asked of a real
// Prometheus that scrapes the instance.
func TestDashboardAndAlertRulesShowARun(t *testing.T) {
	queries, rules := panels(t), alerts(t)
	if len(queries) < 10 || len(rules) < 7 {
		t.Errorf("the dashboard has %d queries, %d alert rules there are", len(queries), len(rules))
	}
	r := build(t, parts{
		op:  testenv.OIDCOptions{AccessToken: seconds(2)},
		top: []string{"  gone: {provider: acme, upstream: 'http://127.0.0.1:1', allow: [GET /items]}"},
		handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		},
	})
	prometheus := testenv.Prometheus(t, []string{filepath.Join(testenv.Root(t), rulesFile)}, r.bff)
	happen := func() {
		r.c.SignIn("acme")
		r.call(r.c)
		r.c.Fetch("GET", "/api/things/secrets", "") // refused
		r.c.Fetch("GET", "/api/gone/items", "")     // 502
		r.expire()
		r.call(r.c)
		list, _ := r.c.Fetch("GET", "/bff/connections", "").JSON(t)["connections"].([]any)
		id, _ := list[0].(map[string]any)["id"].(string)
		r.c.Fetch("DELETE", "/bff/connections/"+id, "")
	}
	for _, s := range append(queries, rules...) {
		var found []map[string]string
		testenv.EventuallyAfterRetries(t, s.title+" shows something: "+s.expr, func() bool {
			var err error
			if found, err = prometheus.Query(s.expr); err != nil {
				t.Fatal(err)
			}
			if len(found) == 0 {
				happen()
			}
			return len(found) > 0
		})
		for _, labels := range found {
			for _, name := range s.labels {
				if labels[name] == "" {
					t.Errorf("%s names each series by %s, which %v has not: %s", s.title, name, labels, s.expr)
				}
			}
		}
	}
}
