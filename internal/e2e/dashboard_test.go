package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// Every panel of the dashboard shows something of a run in which everything happened that it is about: its queries are
// asked of a real Prometheus that scrapes the instance.
func TestDashboardPanelsShowARun(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "deploy/grafana/bff.json"))
	if err == nil {
		err = json.Unmarshal(text, &dashboard)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := build(t, parts{
		op: testenv.OIDCOptions{AccessToken: seconds(2)},
		handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		},
	})
	prometheus := testenv.Prometheus(t, []string{filepath.Join(testenv.Root(t), "deploy/prometheus/rules.yaml")}, r.bff)
	happen := func() {
		r.c.SignIn("acme")
		r.call(r.c)
		r.c.Fetch("GET", "/api/things/secrets", "") // refused
		r.expire()
		r.call(r.c)
		list, _ := r.c.Fetch("GET", "/bff/connections", "").JSON(t)["connections"].([]any)
		id, _ := list[0].(map[string]any)["id"].(string)
		r.c.Fetch("DELETE", "/bff/connections/"+id, "")
	}
	queries := 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			queries++
			expr := strings.ReplaceAll(target.Expr, "$__rate_interval", "1m")
			testenv.EventuallyAfterRetries(t, p.Title+" shows something: "+expr, func() bool {
				n, err := prometheus.Query(expr)
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					happen()
				}
				return n > 0
			})
		}
	}
	if queries < 10 {
		t.Errorf("the dashboard has %d queries", queries)
	}
}
