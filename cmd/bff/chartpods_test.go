package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// inDockerfile is what the one line of the Dockerfile with an instruction says, as YAML reads it.
func inDockerfile(t *testing.T, instruction string) (v any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?m)^"+instruction+" (.*)$").FindAllStringSubmatch(string(text), -1)
	if len(m) != 1 {
		t.Fatalf("the Dockerfile has %d lines %s", len(m), instruction)
	}
	if err := yaml.Unmarshal([]byte(m[0][1]), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// The pods run the image as it is made, with the configuration and the Secret that the chart names, are asked on the
// admin listener how they are, have no rights that bff does not need, and are replaced without a gap; the services lead
// to the ports that the configuration listens on.
func TestTheChartsPodsFitTheImageAndTheConfiguration(t *testing.T) {
	all := manifests(t, render(t, func(values map[string]any) {
		values["existingSecret"], values["serviceMonitor"] = "secrets", map[string]any{"enabled": true}
	}))
	var config map[string]any
	text, _ := at(all["ConfigMap shop"], "data", "bff.yaml").(string)
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	deployment := all["Deployment shop"]
	spec := at(deployment, "spec", "template", "spec")
	c := at(spec, "containers", 0)
	user, _ := inDockerfile(t, "USER").(string)
	if user != "65532:65532" || config["listen"] != ":8080" || config["admin"] != ":9090" {
		t.Errorf("the image runs as %s, the configuration listens on %v and %v", user, config["listen"], config["admin"])
	}
	type list = []any
	const zero, one = uint64(0), uint64(1)
	port := func(name string, at uint64) list {
		return list{manifest{"name": name, "port": at, "targetPort": name}}
	}
	probe := func(path string) manifest { return manifest{"path": path, "port": "admin"} }
	for what, row := range map[string]struct{ is, want any }{
		"args":     {at(c, "args"), inDockerfile(t, "CMD")},
		"image":    {at(c, "image"), "bff:0.1.0"},
		"secrets":  {at(c, "envFrom"), list{manifest{"secretRef": manifest{"name": "secrets"}}}},
		"mounts":   {at(c, "volumeMounts"), list{manifest{"name": "config", "mountPath": "/etc/bff", "readOnly": true}}},
		"volumes":  {at(spec, "volumes"), list{manifest{"name": "config", "configMap": manifest{"name": "shop"}}}},
		"started":  {at(c, "startupProbe", "httpGet"), probe("/healthz")},
		"lives":    {at(c, "livenessProbe", "httpGet"), probe("/healthz")},
		"ready":    {at(c, "readinessProbe", "httpGet"), probe("/readyz")},
		"no token": {at(spec, "automountServiceAccountToken"), false},
		"replaced": {at(deployment, "spec", "strategy", "rollingUpdate"), manifest{"maxUnavailable": zero, "maxSurge": one}},
		"monitored": {at(all["ServiceMonitor shop"], "spec", "endpoints"),
			list{manifest{"port": "admin", "path": "/metrics"}}},
		"for admins":   {at(all["Service shop-admin"], "spec", "ports"), port("admin", 9090)},
		"for browsers": {at(all["Service shop"], "spec", "ports"), port("http", 80)},
		"ports": {at(c, "ports"), list{manifest{"name": "http", "containerPort": uint64(8080)},
			manifest{"name": "admin", "containerPort": uint64(9090)}}},
		"the pod's rights": {at(spec, "securityContext"), manifest{"runAsNonRoot": true, "runAsUser": uint64(65532),
			"runAsGroup": uint64(65532), "seccompProfile": manifest{"type": "RuntimeDefault"}}},
		"the container's rights": {at(c, "securityContext"), manifest{"allowPrivilegeEscalation": false,
			"readOnlyRootFilesystem": true, "capabilities": manifest{"drop": list{"ALL"}}}},
	} {
		if diff := cmp.Diff(row.want, row.is); diff != "" {
			t.Errorf("%s is something else (+):\n%s", what, diff)
		}
	}
}
