package frontproxy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/txtar"

	"bff/internal/testenv"
)

// traefik is Traefik's own forward-auth, file provider, rules and proxy: Debian has no Traefik.
func traefik(s *site, admin, app string) {
	program, err := frontserver()
	if err != nil {
		s.t.Fatal(err)
	}
	env := []string{"BFF=http://" + s.bff.Addr, "BFF_ADMIN=http://" + admin, "APP=http://" + app}
	file := filepath.Join(testenv.Root(s.t), "deploy", "traefik", "dynamic.yaml")
	s.run(env, "it", program, file, address(s.origin), address(s.further))
}

// frontserver is the program of testdata/traefik.txtar, built once for all tests.
var frontserver = sync.OnceValues(func() (string, error) {
	archive, err := txtar.ParseFile("testdata/traefik.txtar")
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "traefik")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	if err := takeParts(dir, strings.Fields(files["version"]), strings.Fields(files["parts"])); err != nil {
		return "", err
	}
	for name, text := range files {
		if err := write(filepath.Join(dir, name), text); err != nil {
			return "", err
		}
	}
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		return "", err
	}
	program := filepath.Join(bin, "traefik.test")
	for _, args := range [][]string{
		{"go", "build", "-o", filepath.Join(dir, "traefik"), "."},
		{"mkdir", "-p", bin},
		{"mv", filepath.Join(dir, "traefik"), program},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%v: %w\n%s", args, err, out)
		}
	}
	return program, nil
})

// takeParts copies parts, which are folders and files, from a version of Traefik that has this checksum.
func takeParts(dir string, version, parts []string) error {
	download := exec.Command("go", "mod", "download", "-json", "github.com/traefik/traefik/v3@"+version[0])
	download.Dir = dir
	out, err := download.Output()
	if err != nil {
		return fmt.Errorf("go mod download: %w\n%s", err, out)
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal(out, &module); err != nil {
		return err
	}
	if module.Sum != version[1] {
		return fmt.Errorf("Traefik %s has the sum %s", version[0], module.Sum)
	}
	for _, part := range parts {
		names := []string{filepath.Join(module.Dir, part)}
		if filepath.Ext(part) != ".go" {
			if names, err = filepath.Glob(filepath.Join(module.Dir, part, "*.go")); err != nil {
				return err
			}
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if err := write(filepath.Join(dir, strings.TrimPrefix(name, module.Dir)), string(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

func write(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o600)
}
