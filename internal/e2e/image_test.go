package e2e_test

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"bff/internal/testenv"
)

// An image is what the Dockerfile says, made of this machine's files: what its last build stage copies, in a folder that
// is the root of whatever runs in it.
type image struct {
	t                   *testing.T
	root                string
	uid, gid            uint32
	open                bool     // this machine changes the root for nobody who asks
	health, start, rest []string // HEALTHCHECK, ENTRYPOINT and CMD
	labels              []string // words of LABEL
}

// imageRelease is what the test has its image say that it is.
const imageRelease = "v1.2.3-image"

// newImage reads the Dockerfile line by line. An instruction that is not here fails the test: nobody would have tried it.
func newImage(t *testing.T) *image {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	i := &image{t: t, root: t.TempDir()}
	out, base := t.TempDir(), ""
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", "")) {
		what, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		words := strings.Fields(rest)
		switch what {
		case "", "#", "WORKDIR", "EXPOSE":
		case "ARG": // the test gives its own
			if words[0] != "RELEASE=" {
				t.Fatalf("the build asks for something else: %s", line)
			}
		case "LABEL":
			i.labels = words
		case "FROM":
			base = words[0]
		case "RUN": // of the build, which is done with this machine's Go in this folder
			if base == "scratch" {
				t.Fatalf("in an empty image nothing can be run: %s", line)
			}
			cmd := exec.Command("sh", "-ec", strings.ReplaceAll(rest, "/out/", out+"/"))
			cmd.Dir, cmd.Env = testenv.Root(t), append(os.Environ(), "RELEASE="+imageRelease)
			if said, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", rest, err, said)
			}
		case "COPY":
			if base == "scratch" {
				i.copy(out, words)
			}
		case "USER":
			uid, gid, _ := strings.Cut(words[0], ":")
			i.uid, i.gid = number(t, uid), number(t, gid)
		case "HEALTHCHECK":
			_, list, _ := strings.Cut(rest, "CMD ")
			i.health = listed(t, list)
		case "ENTRYPOINT":
			i.start = listed(t, rest)
		case "CMD":
			i.rest = listed(t, rest)
		default:
			t.Fatalf("the Dockerfile has an instruction that nothing here tries: %s", line)
		}
	}
	if base != "scratch" || i.uid == 0 || i.gid == 0 || len(i.health) == 0 {
		t.Fatalf("the image is made of %q, runs as %d:%d and asks %q how it is", base, i.uid, i.gid, i.health)
	}
	return i
}

func listed(t *testing.T, text string) (words []string) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &words); err != nil {
		t.Fatal(err)
	}
	return words
}

func number(t *testing.T, text string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("USER is not numbers, as Kubernetes' runAsNonRoot needs: %v", err)
	}
	return uint32(n)
}

// copy is COPY --from=build: what was built is in out, the rest where this machine has it too.
func (i *image) copy(out string, words []string) {
	i.t.Helper()
	if len(words) != 3 || words[0] != "--from=build" {
		i.t.Fatalf("COPY %q is not from the build", words)
	}
	from := words[1]
	if built, ok := strings.CutPrefix(from, "/out/"); ok {
		from = filepath.Join(out, built)
	}
	to := filepath.Join(i.root, words[2])
	if strings.HasSuffix(words[2], "/") {
		to = filepath.Join(to, filepath.Base(from))
	}
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, content, 0o755)
	}
	if err != nil {
		i.t.Fatal(err)
	}
}

// command is a program in the image, with nothing of this machine but its network. Whoever is not root here has the
// kernel let it be so for the change of the root alone; where it does not, the program runs in the image's folder.
func (i *image) command(env []string, words ...string) *exec.Cmd {
	cmd := &exec.Cmd{Path: words[0], Args: words, Dir: "/", Env: env}
	if i.open {
		cmd.Args = slices.Clone(words)
		for n, word := range words {
			if strings.HasPrefix(word, "/") {
				cmd.Args[n] = filepath.Join(i.root, word)
			}
		}
		cmd.Path, cmd.SysProcAttr = cmd.Args[0], &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		return cmd
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: i.root, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: i.uid, Gid: i.gid, NoSetGroups: false}
		return cmd
	}
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: int(i.uid), HostID: os.Getuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: int(i.gid), HostID: os.Getgid(), Size: 1}}
	return cmd
}

// The image, without a container engine: the build as the Dockerfile has it, and its last build stage as the root of a
// process. The binary needs no library, no shell, no folder to write into and no root; it says how it is.
func TestTheImageRunsWithNothingButWhatItCopies(t *testing.T) {
	t.Parallel()
	i := newImage(t)
	binary, err := elf.Open(filepath.Join(i.root, i.start[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	if needs, err := binary.ImportedLibraries(); err != nil || len(needs) > 0 || slices.ContainsFunc(binary.Progs,
		func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Errorf("the binary is not static: it needs %q, %v", needs, err)
	}
	if authorities, err := os.ReadFile(filepath.Join(i.root, "etc/ssl/certs/ca-certificates.crt")); err != nil ||
		!strings.Contains(string(authorities), "BEGIN CERTIFICATE") {
		t.Errorf("the image trusts no provider on the internet: %v", err)
	}
	if !slices.Contains(i.labels, `org.opencontainers.image.licenses="Apache-2.0"`) ||
		!slices.Contains(i.labels, `org.opencontainers.image.title="bff"`) {
		t.Errorf("the image is labelled %q", i.labels)
	}
	store, browsers, admin := testenv.Redis(t), local(t), local(t)
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	config := fmt.Sprintf("origin: http://%s\nlisten: %s\nadmin: %s\nsession: {store: \"%s\", keys: [env:BFF_KEY]}\nproviders:\n%s",
		browsers, browsers, admin, store.URL, op.YAML("acme"))
	file := filepath.Join(i.root, "etc/bff/bff.yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(config), 0o444); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"etc/hosts", "etc/resolv.conf"} { // which every engine gives
		if content, err := os.ReadFile("/" + name); err == nil {
			_ = os.WriteFile(filepath.Join(i.root, name), content, 0o444)
		}
	}
	read := func(path string, e os.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			err = os.Chmod(path, 0o555)
		}
		return err
	}
	if err := filepath.WalkDir(i.root, read); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = filepath.WalkDir(i.root, func(path string, e os.DirEntry, _ error) error { return os.Chmod(path, 0o755) })
	})
	env := []string{"BFF_KEY=" + testenv.NewKey(t), op.Env()}
	if err := i.command(env, i.health...).Run(); errors.Is(err, syscall.EPERM) {
		t.Log("this machine changes the root for nobody who asks: what the image lacks is not seen here")
		i.open = true
	}
	said, err := i.command(env, i.start[0], "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(said), "bff "+imageRelease+"\n") {
		t.Errorf("the image says that it is %q, %v", said, err)
	}
	if said, err := i.command(env, i.health...).CombinedOutput(); err == nil {
		t.Errorf("where nothing runs the health check says %q", said)
	}
	serve := i.command(env, append(i.start, i.rest...)...)
	out := &output{}
	serve.Stdout, serve.Stderr, serve.WaitDelay = out, out, time.Second
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serve.Process.Kill(); _ = serve.Wait() })
	testenv.Eventually(t, "the health check says that it lives", func() bool {
		return i.command(env, i.health...).Run() == nil
	})
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", serve.Process.Pid))
	if err != nil || os.Getuid() == 0 && !i.open && !strings.Contains(string(status), fmt.Sprintf("\nUid:\t%d\t%[1]d\t%[1]d\t%[1]d\n", i.uid)) {
		t.Errorf("it runs as somebody else, %v:\n%s", err, status)
	}
	op.Register("acme", "http://"+browsers)
	b := testenv.NewClient(testenv.At(t, "http://"+browsers, browsers, "http://"+admin))
	b.SignIn("acme") // with the certificates and time zones that are there: none but what was copied
	_ = serve.Process.Signal(syscall.SIGTERM)
	if err := serve.Wait(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, out)
	}
}
