package testenv

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A PrometheusServer is a Prometheus of the test's own, which scrapes once a second.
type PrometheusServer struct {
	tb   testing.TB
	addr string
	p    *process
}

// Prometheus starts a Prometheus with the job "bff" for the admin listeners of these instances. rules are files.
func Prometheus(tb testing.TB, rules []string, instances ...*BFFProcess) *PrometheusServer {
	tb.Helper()
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		tb.Fatal("prometheus is missing: run `make tools`")
	}
	var targets []string
	for _, b := range instances {
		targets = append(targets, strings.TrimPrefix(b.Admin, "http://"))
	}
	dir := tb.TempDir()
	config, err := json.Marshal(map[string]any{
		"global":     map[string]string{"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
		"rule_files": rules,
		"scrape_configs": []any{map[string]any{"job_name": "bff",
			"static_configs": []any{map[string]any{"targets": targets}}}},
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "prometheus.yml"), config, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	s := &PrometheusServer{tb: tb, addr: hostPort(FreePort(tb))}
	s.p = launch(tb, dir, nil, binary, "--config.file", filepath.Join(dir, "prometheus.yml"), "--web.listen-address", s.addr,
		"--storage.tsdb.path", filepath.Join(dir, "data"), "--log.level", "warn")
	s.p.waitFor("is ready", func() bool {
		resp, err := probe().Get("http://" + s.addr + "/-/ready")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return s
}

// Query asks for the value of an expression now: the labels of each series that it has.
func (s *PrometheusServer) Query(expr string) (series []map[string]string, err error) {
	resp, err := probe().Get("http://" + s.addr + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	var out struct {
		Status, Error string
		Data          struct {
			Result []struct{ Metric map[string]string }
		}
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, err
	}
	if out.Status != "success" {
		return nil, fmt.Errorf("%s: %s", expr, out.Error)
	}
	for _, one := range out.Data.Result {
		series = append(series, one.Metric)
	}
	return series, nil
}
