package app

import (
	"io"
	"log/slog"

	"bff/internal/config"
	"bff/internal/trace"
)

// NewLog returns the log that the configuration asks for, and its level, which a reload changes. A line of a request
// has its id.
func NewLog(to io.Writer, l config.Log) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(l.Level)
	o := &slog.HandlerOptions{Level: level}
	if l.Text {
		return slog.New(trace.Handler(slog.NewTextHandler(to, o))), level
	}
	return slog.New(trace.Handler(slog.NewJSONHandler(to, o))), level
}
