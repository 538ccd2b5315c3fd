package testenv

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// AnotherAt is [BFFProcess.Another] on a machine whose clock is off: the same program with another time of day.
func (b *BFFProcess) AnotherAt(off time.Duration) *BFFProcess {
	b.tb.Helper()
	path, err := builtOffClock()
	if err != nil {
		b.tb.Fatal(err)
	}
	env := append([]string{"CLOCK_OFF_BY=" + off.String()}, b.env...)
	n := &BFFProcess{
		tb:     b.tb,
		Addr:   hostPort(FreePort(b.tb)),
		Origin: b.Origin,
		file:   b.file,
		env:    env,
		args:   b.args,
		binary: path,
	}
	n.start()
	n.WaitReady()
	return n
}

var builtOffClock = sync.OnceValues(buildOffClock)

// buildOffClock builds cmd/bff with another clock in the options of its instance, and nothing else changed (go help
// build: -overlay). That the standard library's clock is right is no difference: bff measures with it, and takes the
// time of day from its options.
func buildOffClock() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	plugs := filepath.Join(root, "internal", "app", "instance.go")
	source, err := os.ReadFile(plugs)
	if err != nil {
		return "", err
	}
	const begins = "func New(cfg *config.Config, o Options) (*Instance, error) {\n"
	head, rest, ok := strings.Cut(string(source), begins)
	if !ok {
		return "", errors.New("an instance is made in another way than this knows")
	}
	wrong := filepath.Join(root, "bin", "_off-clock.go") // "_": no package for `go vet ./...`
	text := strings.Replace(head, "import (\n", "import (\n\t\"os\"\n", 1) + begins + `
	off, err := time.ParseDuration(os.Getenv("CLOCK_OFF_BY"))
	if err != nil {
		return nil, err
	}
	o.Now = func() time.Time { return time.Now().Round(0).Add(off) }
	return plug(cfg, o)
}

func plug(cfg *config.Config, o Options) (*Instance, error) {
` + rest
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {plugs: wrong}})
	if err != nil {
		return "", err
	}
	return buildAs("bff.test.off-clock", func() ([]string, error) {
		list := filepath.Join(root, "bin", "off-clock.json")
		return []string{"-overlay", list}, errors.Join(os.WriteFile(wrong, []byte(text), 0o600),
			os.WriteFile(list, overlay, 0o600))
	})
}
