package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"bff/internal/secret"
	"bff/internal/vault"
)

// maxSecret bounds a secret's file. A key file of any kind is smaller.
const maxSecret = 64 << 10

var (
	variable  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	loud      = regexp.MustCompile(`^[A-Z_][A-Z0-9_]{0,63}$`) // a variable's name that may be repeated
	expansion = regexp.MustCompile(`^\$\{?([A-Z_][A-Z0-9_]*)\}?$`)
)

// readSecret reads a reference to a secret: env:NAME or file:PATH. A literal one is refused, and never shown.
func readSecret(v value, variable, path string) (secret.Text, bool) {
	key := v.leaf() + ": "
	if strings.HasSuffix(v.path, "]") {
		key = ""
	}
	want := fmt.Sprintf("write `%senv:%s` or `%sfile:%s`", key, variable, key, path)
	text, ok := v.hidden(want)
	if !ok {
		return secret.Text{}, false
	}
	if s, referred, ok := refer(v, text); referred {
		if ok && strings.ContainsAny(s.Reveal(), "\n\x00") {
			v.wrong("%s has more than one line where it comes from; put the secret alone there", v.name())
			return secret.Text{}, false
		}
		return s, ok
	}
	return secret.Text{}, refuseLiteral(v, text, key, want)
}

// readLongSecret is secret for one of several lines: a private key.
func readLongSecret(v value, variable, path string) (secret.Text, bool) {
	want := fmt.Sprintf("write `%s: file:%s` or `%s: env:%s`", v.leaf(), path, v.leaf(), variable)
	text, ok := v.hidden(want)
	if !ok {
		return secret.Text{}, false
	}
	if s, referred, ok := refer(v, text); referred {
		return s, ok
	}
	return secret.Text{}, refuseLiteral(v, text, v.leaf()+": ", want)
}

// byteOrderMark is what some editors put before a text; it is no part of it.
const byteOrderMark = "\uFEFF"

// refuseLiteral refuses a secret that stands in the file itself.
func refuseLiteral(v value, text, key, want string) bool {
	if m := expansion.FindStringSubmatch(text); m != nil {
		v.wrong("%s is not expanded, here or anywhere in the file; write `%senv:%s`", v.name(), key, m[1])
		return false
	}
	v.wrong("%s is a literal secret; %s", v.name(), want)
	return false
}

// refer follows text when it is a reference.
func refer(v value, text string) (s secret.Text, referred, ok bool) {
	if name, is := strings.CutPrefix(text, "env:"); is {
		s, ok = fromEnvironment(v, name)
		v.r.leaves.add(v.path, s.Reveal())
		return s, true, ok
	}
	if path, is := strings.CutPrefix(text, "file:"); is {
		s, ok = fromFile(v, path)
		v.r.leaves.add(v.path, s.Reveal())
		return s, true, ok
	}
	return secret.Text{}, false, false
}

func fromEnvironment(v value, name string) (secret.Text, bool) {
	if !variable.MatchString(name) {
		v.wrong("%s names no variable; after `env:` goes a name of letters, digits and _", v.name())
		return secret.Text{}, false
	}
	called := "the variable it names"
	if loud.MatchString(name) {
		v.show()
		called = "`" + name + "`"
	}
	found := v.r.env(name)
	if found == "" && v.r.standIns {
		return secret.New(vault.NewKey().Reveal()), true
	}
	if found == "" {
		v.wrong("%s: %s is not set, or empty; set it, or name another", v.name(), called)
		return secret.Text{}, false
	}
	return secret.New(strings.TrimRight(found, "\r\n")), true
}

func fromFile(v value, path string) (secret.Text, bool) {
	if path == "" || strings.HasPrefix(path, "//") {
		v.wrong("%s names no file; after `file:` goes a path, as in `file:/run/secrets/name`", v.name())
		return secret.Text{}, false
	}
	v.show()
	found, err := readBounded(v.r.path(path), maxSecret)
	text := strings.TrimRight(strings.TrimPrefix(string(found), byteOrderMark), "\r\n")
	switch {
	case text == "" && v.r.standIns:
		return secret.New(vault.NewKey().Reveal()), true
	case err != nil:
		v.wrong("%s: the file %s; write the path of a file with the secret in it", v.name(), FileError(err))
	case text == "":
		v.wrong("%s: the file is empty; put the secret into it", v.name())
	default:
		v.r.files = append(v.r.files, v.r.path(path))
		return secret.New(text), true
	}
	return secret.Text{}, false
}

// path is where a path of the file leads: relative ones start from the folder of the configuration.
func (r *reader) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.dir, p)
}

var errTooLarge = errors.New("too large")

// readNamed reads the configuration: a file, or stdin where the name is "-".
func readNamed(name string, stdin io.Reader) ([]byte, error) {
	if name != "-" {
		return readBounded(name, maxFile)
	}
	b, err := io.ReadAll(io.LimitReader(stdin, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errTooLarge
	}
	return b, err
}

// readBounded reads a regular file of at most limit bytes. It does not wait for what is no file.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if info.IsDir() {
		return nil, syscall.EISDIR
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = errTooLarge
	}
	return b, err
}

// FileError says why a file cannot be read, as the end of a sentence about it.
func FileError(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read by this user"
	case errors.Is(err, syscall.EISDIR):
		return "is a folder"
	case errors.Is(err, errTooLarge):
		return "is too large"
	}
	return "cannot be read"
}

// readSetting reads a value that is no secret but may come from the environment or a file all the same.
func readSetting(v value, want string) (string, bool) {
	text, ok := v.hidden(want)
	if !ok {
		return "", false
	}
	if s, referred, ok := refer(v, text); referred {
		return s.Reveal(), ok
	}
	v.show()
	return text, true
}

// readStore reads the URL of the store. One with a password is a secret.
func readStore(v value) (secret.Text, bool) {
	const want = "write `store: redis://127.0.0.1:6379/0` or `store: env:REDIS_URL`"
	text, ok := v.hidden(want)
	if !ok {
		return secret.Text{}, false
	}
	s, referred, ok := refer(v, text)
	switch {
	case referred && !ok:
		return secret.Text{}, false
	case !referred && holdsPassword(text):
		v.wrong(
			"%s holds a password; put the whole URL into a variable or file and write `store: env:REDIS_URL` or `store: file:/run/secrets/redis-url`",
			v.name(),
		)
		return secret.Text{}, false
	case !referred:
		s = secret.New(text)
	}
	if err := vault.ParseStore(s.Reveal()); err != nil {
		if !referred && !strings.ContainsAny(text, "@?") {
			v.show()
		}
		v.wrong("%s is %v", v.name(), err)
		return secret.Text{}, false
	}
	if !referred {
		v.show()
	}
	return s, true
}

// holdsPassword errs to the side of yes: whatever stands before an @, and query parameters that are named so.
func holdsPassword(store string) bool {
	rest, query, _ := strings.Cut(store, "?")
	if q, err := url.ParseQuery(query); err != nil || q.Has("sentinel_password") || q.Has("password") {
		return true
	}
	_, rest, _ = strings.Cut(rest, "://")
	at := strings.LastIndexByte(rest, '@')
	return at >= 0 && strings.ContainsRune(rest[:at], ':')
}
