package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	main "bff/cmd/bff"
)

// The systemd unit starts a command that bff has, reloads and stops it as bff wants it, is not started again over a wrong
// configuration, and runs as nobody who may write anywhere but below its own folders.
func TestTheSystemdUnit(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "deploy/systemd/bff.service"))
	if err != nil {
		t.Fatal(err)
	}
	unit := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			if unit[key] != "" && key != "After" {
				t.Errorf("%s is there twice", key)
			}
			unit[key] = value
		}
	}
	for key, want := range map[string]string{
		"ExecReload": "/bin/kill -HUP $MAINPID", "DynamicUser": "yes", "ProtectSystem": "strict", "ProtectHome": "yes",
		"NoNewPrivileges": "yes", "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE", "Restart": "on-failure", "UMask": "0077",
		"LogsDirectory": "bff", "StateDirectory": "bff", "EnvironmentFile": "/etc/bff/secrets",
		"WantedBy":            "multi-user.target",
		"AmbientCapabilities": "CAP_NET_BIND_SERVICE", "SystemCallFilter": "@system-service", "PrivateTmp": "yes",
		"RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "MemoryDenyWriteExecute": "yes", "PrivateDevices": "yes",
	} {
		if unit[key] != want {
			t.Errorf("%s=%s, want %s", key, unit[key], want)
		}
	}
	if stop, err := time.ParseDuration(unit["TimeoutStopSec"]); err != nil || stop <= 15*time.Second {
		t.Errorf("TimeoutStopSec=%s: shutdown_timeout is 15s, %v", unit["TimeoutStopSec"], err)
	}
	args := strings.Fields(unit["ExecStart"])
	at := slices.Index(args, "/etc/bff/bff.yaml")
	if len(args) == 0 || args[0] != "/usr/local/bin/bff" || at < 0 {
		t.Fatalf("ExecStart=%q", args)
	}
	args[at] = filepath.Join(t.TempDir(), "bff.yaml")
	if err := os.WriteFile(args[at], []byte("orign: https://app.example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := main.Run(t.Context(), args[1:], func(string) string { return "" }, &out, &out)
	if unit["RestartPreventExitStatus"] != "2" || code != 2 || !strings.Contains(out.String(), "did you mean `origin`") {
		t.Errorf("with a wrong configuration: exit code %d, RestartPreventExitStatus=%s\n%s", code,
			unit["RestartPreventExitStatus"], out.String())
	}
}

// systemd itself, where it is installed, knows every key of the unit, and finds it well enclosed: 2.2 of 10 at the
// time of writing, where 10 is a program that may do all.
func TestSystemdTakesTheUnit(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("there is no systemd-analyze here: what systemd says of the unit is not seen")
		return
	}
	text, err := os.ReadFile(filepath.Join(root, "deploy/systemd/bff.service"))
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "bff.service")
	text = bytes.Replace(text, []byte("/usr/local/bin/bff"), []byte("/bin/true"), 1)
	if err := os.WriteFile(unit, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify"}, {"security", "--offline=true", "--threshold=25", "--no-pager"}} {
		out, err := exec.CommandContext(t.Context(), tool, append(args, unit)...).CombinedOutput()
		if err != nil || strings.Contains(string(out), "Unknown key") {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
}
