package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"bff/internal/oauth/providers"
)

// ShowBuiltin is a built-in provider's file, with how it is used in a comment behind its own. It is false where there
// is no provider of that name.
func ShowBuiltin(name string) ([]byte, bool) {
	data, ok := providers.BuiltinYAML(name)
	if !ok {
		return nil, false
	}
	p, _ := providers.Builtin(name)
	return append(shown(p, data), '\n'), true
}

func shown(p providers.Config, data []byte) []byte {
	var lines []string
	add := func(format string, args ...any) {
		lines = append(lines, strings.TrimRight("# "+fmt.Sprintf(format, args...), " "))
	}
	add("")
	add("bff has this file built in. Paste below `providers:` of bff.yaml:")
	add("")
	add("  %s:", p.Name)
	if !p.Typed() {
		add("    client_id: \"\"  # as %s gave it", p.Name)
		if p.Client.Auth != providers.NoClientAuth {
			add("    client_secret: env:%s", VariableFor(p.Name, "CLIENT_SECRET"))
		}
	}
	if p.OwnIssuer() {
		add("    issuer: \"\"  # your organisation's, to the last slash")
	}
	if unset := p.Unset(); unset != nil {
		add("    variables: {%s: {value: \"\"}}  # yours", strings.Join(unset, ": {value: \"\"}, "))
	}
	add("")
	add("Any key below may be written there too, and wins. To change much of it keep this as a file, and write there:")
	add("")
	add("    file: ./%s.yaml", p.Name)
	text, at := string(data), 0
	for at < len(text) && text[at] == '#' {
		at += strings.IndexByte(text[at:], '\n') + 1
	}
	return []byte(text[:at] + strings.Join(lines, "\n") + "\n" + strings.TrimRight(text[at:], "\n"))
}

// NotBuiltin says that there is no built-in provider of a name, and which one may be meant.
func NotBuiltin(name string) string {
	text := "there is no built-in provider of that name"
	if near := Nearest(name, providers.Builtins()); near != "" {
		return text + "; did you mean `" + near + "`?"
	}
	return text + "; `bff provider list` prints them"
}

// FindProvider takes a name of the configuration, a name of a built-in provider, or a file as show prints it, in this
// order. client says whether its client is known. The report says why there is none.
func FindProvider(what, file string, env func(string) string) (p providers.Config, client bool, report string) {
	switch {
	case isFile(what):
		p, client, report = ReadProvider(what, env, "")
	case HasProvider(file, what):
		p, client, report = ReadProvider(file, env, what)
	default:
		if p, ok := providers.Builtin(what); ok {
			return p, false, ""
		}
		return p, false, "bff: " + what + " is no provider of " + file + ", and " + NotBuiltin(what)
	}
	return p, client, Counted(report)
}

// OriginOf is the origin of a configuration, or what stands for it where there is none that can be read.
func OriginOf(file string, stdin io.Reader, env func(string) string) string {
	if isFile(file) {
		if cfg, _ := LoadForTrial(file, stdin, env); cfg != nil {
			return cfg.OriginText()
		}
	}
	return "<origin>"
}

// isFile says whether an argument is meant as a file.
func isFile(what string) bool {
	if strings.ContainsRune(what, filepath.Separator) || strings.HasSuffix(what, ".yaml") ||
		strings.HasSuffix(what, ".yml") {
		return true
	}
	info, err := os.Stat(what)
	return err == nil && info.Mode().IsRegular()
}
