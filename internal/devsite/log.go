package devsite

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// A lineLog writes for a person who looks on: one short line for each thing, and of bff itself only what is out of
// the ordinary.
//
//	14:03:21  provider  Ada's access token was renewed (no. 1 of this sign-in) and the refresh token was replaced
//	14:03:40  warning   store is not reachable
type lineLog struct {
	mu    *sync.Mutex
	w     io.Writer
	attrs []slog.Attr
}

// NewLog returns the logger of `bff dev`.
func NewLog(w io.Writer) *slog.Logger { return slog.New(&lineLog{mu: &sync.Mutex{}, w: w}) }

func (l *lineLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (l *lineLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &lineLog{l.mu, l.w, append(l.attrs[:len(l.attrs):len(l.attrs)], attrs...)}
}

func (l *lineLog) WithGroup(string) slog.Handler { return l }

func (l *lineLog) Handle(_ context.Context, r slog.Record) error {
	var line bytes.Buffer
	line.WriteString("  " + r.Time.Format("15:04:05") + "  ")
	kind, text := "bff", r.Message
	var rest []string
	each := func(a slog.Attr) bool {
		switch {
		case r.Message == "provider" && a.Key == "text":
			kind, text = "provider", a.Value.String()
		case r.Message == "provider":
		default:
			rest = append(rest, a.Key+"="+strings.Join(strings.Fields(a.Value.Resolve().String()), " "))
		}
		return true
	}
	for _, a := range l.attrs {
		each(a)
	}
	r.Attrs(each)
	switch {
	case r.Level >= slog.LevelError:
		kind = "error"
	case r.Level >= slog.LevelWarn:
		kind = "warning"
	case kind == "bff" && r.Message != "draining" && r.Message != "stopped":
		return nil // the page shows it
	}
	line.WriteString(kind + strings.Repeat(" ", max(1, 10-len(kind))) + text)
	if len(rest) > 0 {
		line.WriteString("  (" + strings.Join(rest, " ") + ")")
	}
	line.WriteByte('\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.w.Write(line.Bytes())
	return err
}
