package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bff/internal/testenv"
)

// What no process shows stands in compose.yaml all the same: what a container engine must keep from each service, that
// nothing but the browsers' port is published, how long bff may take to end, and that the store keeps what it is given.
func TestComposeKeepsFromServicesWhatTheyDoNotNeed(t *testing.T) {
	t.Parallel()
	services := newCompose(t).services
	for _, name := range []string{"bff", "backend"} {
		s := services[name]
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.Restart != "on-failure" {
			t.Errorf("%s: read-only %v, without %q, started again %q", name, s.ReadOnly, s.CapDrop, s.Restart)
		}
		if !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("%s: %q", name, s.SecurityOpt)
		}
	}
	for name, s := range services {
		if published := len(s.Ports); published > 0 && name != "bff" {
			t.Errorf("%s publishes %q", name, s.Ports)
		}
	}
	bff, store := services["bff"], services["store"]
	if grace, err := time.ParseDuration(bff.StopGracePeriod); err != nil || grace <= 15*time.Second {
		t.Errorf("bff has %q to end in, and calls in flight may have 15s: %v", bff.StopGracePeriod, err)
	}
	waits := map[string]any{"store": map[string]any{"condition": "service_healthy"}}
	if diff := cmp.Diff(waits, bff.DependsOn); diff != "" {
		t.Errorf("bff waits for something else (+):\n%s", diff)
	}
	if store.Restart != "unless-stopped" || !slices.Equal(store.Volumes, []string{"store:/data"}) ||
		!holds(store.Command, "--appendonly", "yes") || !holds(store.Command, "--maxmemory-policy", "noeviction") ||
		!holds(store.Command, "--requirepass", "${STORE_PASSWORD}") {
		t.Errorf("the store forgets sessions, or lets in whoever reaches it: %q, volumes %q, started again %q", store.Command,
			store.Volumes, store.Restart)
	}
	for _, name := range []string{"/etc/bff/bff.yaml", "/srv/site"} {
		if !slices.ContainsFunc(bff.Volumes, func(v string) bool { return strings.HasSuffix(v, ":"+name+":ro") }) {
			t.Errorf("%s is not there to read alone: %q", name, bff.Volumes)
		}
	}
}

// The secrets that compose.yaml has its reader write into .env come into no image, and into no commit.
func TestSecretsOfComposeStayOnTheMachine(t *testing.T) {
	t.Parallel()
	compose, err := os.ReadFile(filepath.Join(testenv.Root(t), "compose.yaml"))
	if err != nil || !strings.Contains(string(compose), "> .env") {
		t.Fatal("compose.yaml has nobody write a .env", err)
	}
	for _, name := range []string{".dockerignore", ".gitignore"} {
		text, err := os.ReadFile(filepath.Join(testenv.Root(t), name))
		if err != nil || !slices.Contains(strings.Split(string(text), "\n"), ".env") {
			t.Errorf("%s does not name .env: %v", name, err)
		}
	}
}

// holds says whether an argument stands behind another one.
func holds(command []string, name, value string) bool {
	i := slices.Index(command, name)
	return i >= 0 && i+1 < len(command) && command[i+1] == value
}
