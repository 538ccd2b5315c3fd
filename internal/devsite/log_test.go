package devsite_test

import (
	"bytes"
	"strings"
	"testing"

	"bff/internal/devsite"
)

func TestDevLogIsShort(t *testing.T) {
	var b bytes.Buffer
	log := devsite.NewLog(&b).With("kept", "x")
	log.Debug("not shown")
	log.Info("listening", "addr", "127.0.0.1:1")
	log.Info("provider", "what", "refresh", "who", "ada", "text", "Ada's access token was renewed")
	log.Warn("store slow", "why", "line one\nline two")
	log.Error("it broke")
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	for i, want := range []string{
		"provider  Ada's access token was renewed", "warning   store slow  (kept=x why=line one line two)", "error     it broke  (kept=x)",
	} {
		if len(lines) != 3 || !strings.HasSuffix(lines[i], want) {
			t.Fatalf("line %d of %q should end with %q", i, lines, want)
		}
	}
}
