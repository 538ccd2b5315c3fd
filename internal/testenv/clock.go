package testenv

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// AnotherAt is [BFFProcess.Another] on a machine whose clock is off by so many whole seconds: the same program, built
// over a time.Now that is wrong.
func (b *BFFProcess) AnotherAt(off time.Duration) *BFFProcess {
	b.tb.Helper()
	path, err := builtOffClock()
	if err != nil {
		b.tb.Fatal(err)
	}
	env := append([]string{"CLOCK_OFF_BY=" + strconv.Itoa(int(off/time.Second))}, b.env...)
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

// buildOffClock builds cmd/bff with the standard library's clock laid over (go help build: -overlay). Nothing of
// bff's own is changed.
func buildOffClock() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	clock := filepath.Join(strings.TrimSpace(string(out)), "src", "time", "time.go")
	source, err := os.ReadFile(clock)
	if err != nil {
		return "", err
	}
	const reading = "sec, nsec, mono := runtimeNow()\n"
	head, rest, ok := strings.Cut(string(source), "func Now() Time {\n\t"+reading)
	if !ok {
		return "", errors.New("time.Now reads its clock in another way than this knows")
	}
	wrong := filepath.Join(root, "bin", "_off-clock.go") // "_": no package for `go vet ./...`
	text := head + "func Now() Time {\n\t" + reading + "\tsec += offBy\n" + rest + `
var offBy = func() (n int64) {
	text, _ := syscall.Getenv("CLOCK_OFF_BY")
	digits, behind := text, false
	if text != "" && text[0] == '-' {
		digits, behind = text[1:], true
	}
	for _, c := range digits {
		n = 10*n + int64(c-'0')
	}
	if behind {
		n = -n
	}
	return n
}()
`
	text = strings.Replace(text, "import (\n", "import (\n\t\"syscall\"\n", 1)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {clock: wrong}})
	if err != nil {
		return "", err
	}
	return buildAs("bff.test.off-clock", func() ([]string, error) {
		list := filepath.Join(root, "bin", "off-clock.json")
		return []string{
				"-overlay",
				list,
			}, errors.Join(
				os.WriteFile(wrong, []byte(text), 0o600),
				os.WriteFile(list, overlay, 0o600),
			)
	})
}
