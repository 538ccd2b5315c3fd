package simulate

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
)

// logged keeps the warnings that bff logs.
type logged struct {
	mu   sync.Mutex
	text []string
}

// Enabled, Handle, WithAttrs and WithGroup are slog.Handler's.
func (l *logged) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle keeps a message.
func (l *logged) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, r.Message)
	return nil
}

// WithAttrs returns the same handler.
func (l *logged) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup returns the same handler.
func (l *logged) WithGroup(string) slog.Handler { return l }

func decode(b []byte, into any) error { return json.Unmarshal(b, into) }
