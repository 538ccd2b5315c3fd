package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"bff/internal/testenv"
)

// A composed is one service of compose.yaml. A key that is not here fails the test: nobody would have tried it.
type composed struct {
	Build       any               `yaml:"build"`
	Image       string            `yaml:"image"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	DependsOn   map[string]any    `yaml:"depends_on"`
	Healthcheck *struct {
		Test              []string `yaml:"test"`
		Interval, Timeout string
		Retries           int
	} `yaml:"healthcheck"`
	Restart         string   `yaml:"restart"`
	ReadOnly        bool     `yaml:"read_only"`
	CapDrop         []string `yaml:"cap_drop"`
	SecurityOpt     []string `yaml:"security_opt"`
	StopGracePeriod string   `yaml:"stop_grace_period"`
}

// compose is compose.yaml as plain processes: what a container engine would give each service (a name, a port, a
// folder) is this machine's.
type compose struct {
	t        *testing.T
	services map[string]composed
	vars     map[string]string // of the .env file
	dir      string
	names    *strings.Replacer // hosts and paths inside containers, to those of this machine
	admin    string
}

func newCompose(t *testing.T) *compose {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]composed
		Volumes  map[string]any
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.DisallowUnknownField()); err != nil {
		t.Fatal(err)
	}
	c := &compose{t: t, services: file.Services, dir: t.TempDir(), vars: map[string]string{}}
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+)`).FindAllStringSubmatch(string(text), -1) {
		c.vars[m[1]] = testenv.Random(t)
	}
	c.vars["BFF_KEY"] = testenv.NewKey(t)
	for name, s := range c.services {
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, declared := file.Volumes[from]; !declared {
				if _, err := os.Stat(filepath.Join(testenv.Root(t), from)); err != nil {
					t.Errorf("%s: the volume %s: %v", name, v, err)
				}
			}
		}
	}
	return c
}

// value puts the variables of the .env file into a value, and this machine's names in place of the containers'.
func (c *compose) value(v string) string {
	v = regexp.MustCompile(`\$\{([A-Z_]+)(:\?[^}]*)?\}`).ReplaceAllStringFunc(v, func(m string) string {
		return c.vars[regexp.MustCompile(`[A-Z_]+`).FindString(m)]
	})
	return c.names.Replace(v)
}

func (c *compose) env(service string) (all []string) {
	for name, v := range c.services[service].Environment {
		all = append(all, name+"="+c.value(v))
	}
	return all
}

// image reads what a Dockerfile starts: ENTRYPOINT and CMD.
func (c *compose) image(dockerfile string) (command []string) {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Root(c.t), dockerfile))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^(?:ENTRYPOINT|CMD) (\[.*\])$`).FindAllStringSubmatch(string(text), -1) {
		var words []string
		if err := yaml.Unmarshal([]byte(m[1]), &words); err != nil {
			c.t.Fatal(err)
		}
		command = append(command, words...)
	}
	return command
}

// run starts a service's program, with nothing in its environment but what the file gives it. healthy is its check.
func (c *compose) run(service string, command []string, healthy func() bool) {
	c.t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	out := &output{}
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, c.env(service), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		c.t.Fatal(service, err)
	}
	c.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	defer func() {
		if c.t.Failed() {
			c.t.Logf("%s printed\n%s", service, out)
		}
	}()
	testenv.Eventually(c.t, service+" is healthy", healthy)
}

// order is every service behind those that it depends on.
func (c *compose) order() (all []string) {
	for len(all) < len(c.services) {
		before := len(all)
		for name, s := range c.services {
			ready := !slices.Contains(all, name)
			for needed := range s.DependsOn {
				ready = ready && slices.Contains(all, needed)
			}
			if ready {
				all = append(all, name)
			}
		}
		if len(all) == before {
			c.t.Fatal("services of compose.yaml wait for each other, or for one that is not there")
		}
	}
	return all
}

// compose.yaml, read line by line: each service runs as a process with the command, the environment, the files and the
// health check that the file gives it, in the order of depends_on, and what it is for works.
func TestComposeAsProcesses(t *testing.T) {
	t.Parallel()
	c := newCompose(t)
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	c.vars["GOOGLE_CLIENT_SECRET"] = op.ClientSecret
	published := c.services["bff"].Ports
	if len(published) != 1 || published[0] != "127.0.0.1:8080:8080" {
		t.Fatalf("bff publishes %q: browsers' port alone, to this machine", published)
	}
	browsers, store, backend := local(t), local(t), local(t)
	c.admin = local(t)
	origin := "http://" + browsers
	c.names = strings.NewReplacer("http://localhost:8080", origin, "store:6379", store, "http://bff:9090", "http://"+c.admin,
		"http://backend:3000", "http://"+backend, "/srv/site", c.mounted("bff", "/srv/site"))
	started := map[string]func(){
		"store":   func() { c.store(store) },
		"bff":     func() { c.bff(op, browsers) },
		"backend": func() { c.backend(backend) },
	}
	for _, name := range c.order() {
		if started[name] == nil {
			t.Fatalf("compose.yaml has a service that nothing here runs: %s", name)
		}
		started[name]()
	}
	op.Register("google", origin)
	b := testenv.NewClient(testenv.At(t, origin, browsers, "http://"+c.admin))
	if a := b.Navigate("/"); a.Status != http.StatusOK || !strings.Contains(string(a.Body), "<!doctype html>") {
		t.Errorf("the frontend: %d %s", a.Status, a.Body)
	}
	b.SignIn("google")
	user := b.Fetch("GET", "/bff/session", "").JSON(t)["user"].(map[string]any)
	who := b.Fetch("GET", "/app/whoami", "").JSON(t)
	if user["name"] == nil || who["name"] != user["name"] || who["user"] != user["id"] || who["language"] != "go" {
		t.Errorf("the backend greets %v, who is %v", who, user)
	}
	// Without the right the backend refuses, once it has asked bff, as the client basket, whether the session lives.
	if a := b.Fetch("POST", "/app/orders", "{}"); a.Status != http.StatusForbidden || !strings.Contains(string(a.Body), "staff only") {
		t.Errorf("an order: %d %s", a.Status, a.Body)
	}
}

// mounted is where on this machine a path inside of a service is.
func (c *compose) mounted(service, inside string) string {
	c.t.Helper()
	for _, v := range c.services[service].Volumes {
		from, rest, _ := strings.Cut(v, ":")
		to, _, _ := strings.Cut(rest, ":")
		if to == inside {
			return filepath.Join(testenv.Root(c.t), from)
		}
	}
	c.t.Fatalf("%s has no volume at %s", service, inside)
	return ""
}

// store is a redis-server, which takes the arguments of Valkey and the same protocol.
func (c *compose) store(addr string) {
	s := c.services["store"]
	if !strings.HasPrefix(s.Image, "valkey/valkey:") || s.Command[0] != "valkey-server" || s.Healthcheck == nil {
		c.t.Fatalf("the store is no Valkey with a health check: %+v", s)
	}
	_, port, _ := strings.Cut(addr, ":")
	command := []string{"redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", c.dir}
	for _, word := range s.Command[1:] {
		command = append(command, c.value(word))
	}
	test := s.Healthcheck.Test
	if len(test) != 3 || test[0] != "CMD" || test[1] != "valkey-cli" {
		c.t.Fatalf("the store's health check: %q", test)
	}
	c.run("store", command, func() bool {
		ping := exec.Command("redis-cli", append([]string{"-p", port}, test[2:]...)...)
		ping.Env = append(c.env("store"), "PATH="+os.Getenv("PATH"))
		out, err := ping.Output()
		return err == nil && strings.TrimSpace(string(out)) == "PONG"
	})
}

// bff is the built binary, started as the Dockerfile says, with the mounted configuration and the image's health check.
func (c *compose) bff(op *testenv.OIDCProvider, browsers string) {
	text, err := os.ReadFile(c.mounted("bff", "/etc/bff/bff.yaml"))
	if err != nil {
		c.t.Fatal(err)
	}
	file := filepath.Join(c.dir, "bff.yaml")
	config := replaced(c.t, c.names.Replace(string(text)), `listen: ":8080"`, "listen: "+browsers, `admin: ":9090"`,
		"admin: "+c.admin, "client_id: 1234.apps.googleusercontent.com", "client_id: bff\n    issuer: "+op.Issuer)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		c.t.Fatal(err)
	}
	command := c.image("Dockerfile")
	at := slices.Index(command, "/etc/bff/bff.yaml")
	if command[0] != "/bff" || at < 0 {
		c.t.Fatalf("the image starts %q", command)
	}
	command[0], command[at] = testenv.Binary(c.t), file
	dockerfile, err := os.ReadFile(filepath.Join(testenv.Root(c.t), "Dockerfile"))
	if err != nil || !strings.Contains(string(dockerfile), `CMD ["/bff", "health", "--config", "/etc/bff/bff.yaml"]`) {
		c.t.Fatal("the image has no health check by the binary", err)
	}
	c.run("bff", command, func() bool {
		health := exec.Command(command[0], "health", "--config", file)
		health.Env = c.env("bff")
		return health.Run() == nil
	})
}

// backend is the example service in Go, built as its Dockerfile does.
func (c *compose) backend(addr string) {
	build, _ := c.services["backend"].Build.(map[string]any)
	dockerfile := fmt.Sprint(build["dockerfile"])
	if got := c.image(dockerfile); !slices.Equal(got, []string{"/service"}) || build["context"] != "." {
		c.t.Fatalf("the backend's image starts %q, built of %v", got, build)
	}
	service := filepath.Join(c.dir, "service")
	cmd := exec.Command("go", "build", "-trimpath", "-o", service, ".")
	cmd.Dir = filepath.Join(testenv.Root(c.t), filepath.Dir(dockerfile))
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%v\n%s", err, out)
	}
	env := c.services["backend"].Environment
	if env["LISTEN"] != ":3000" {
		c.t.Fatalf("the backend listens on %s, and bff.yaml calls backend:3000", env["LISTEN"])
	}
	env["LISTEN"] = addr
	c.run("backend", []string{service}, func() bool { return answers("http://"+addr+"/whoami", http.StatusUnauthorized) })
}
