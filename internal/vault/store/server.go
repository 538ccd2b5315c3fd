package store

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Errors every method may return, tested with errors.Is. A caller's own cancellation comes back as ctx.Err().
var (
	// ErrUnavailable: the store did not answer, so nothing is known. The caller answers 503 and changes nothing.
	ErrUnavailable = errors.New("store unavailable")
	// ErrNotFound is a definite answer: there is no such thing, or no longer.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the record is no longer the version that was read.
	ErrConflict = errors.New("changed meanwhile")
)

// A server is one Redis and the keys that are bff's there. All parts of a [Store] have it in common.
type server struct {
	client  redis.UniversalClient
	options *redis.UniversalOptions // nil for memory:
	kind    kind
	prefix  string // of every key
	below   string // prefix and its colon
	now     func() time.Time
	log     *slog.Logger
	written func(tag string) // called after every write below a tag
	warned  sync.Map         // message -> when, in Unix seconds

	openNames openNames
	layout    atomic.Pointer[layout]
	stale     atomic.Bool // the layout may be another by now
}

// Tagged is the key of what belongs to a tag: all keys of one tag are in one slot.
func (s *server) Tagged(tag, what string) string {
	if names := s.names(); names != nil {
		return s.prefix + ":v:{" + names.Tag(tag) + "}:" + what
	}
	return s.prefix + ":{" + tag + "}:" + what
}

// Global is a key that belongs to no tag.
func (s *server) Global(what string) string {
	if s.names() != nil {
		return s.prefix + ":v:" + what
	}
	return s.prefix + ":" + what
}

// Channel is the channel's name, for scripts.
func (s *server) Channel() string { return s.prefix + ":bus" }

// TagOf is the tag that a key is in, or "".
func (s *server) TagOf(key string) string {
	rest, ok := strings.CutPrefix(key, s.below)
	rest, spelled := strings.CutPrefix(rest, "v:")
	rest, tagged := strings.CutPrefix(rest, "{")
	tag, _, closed := strings.Cut(rest, "}")
	if !ok || !tagged || !closed {
		return ""
	}
	if spelled {
		return s.names().TagOf(tag)
	}
	return tag
}

// node is the server that holds key, or nil where that cannot be said.
func (s *server) node(ctx context.Context, key string) *redis.Client {
	switch c := s.client.(type) {
	case *redis.Client:
		return c
	case *redis.ClusterClient:
		if n, err := c.MasterForKey(ctx, key); err == nil {
			return n
		}
	}
	return nil
}

// Warn logs what may concern every call, at most once in a while.
func (s *server) Warn(message string) {
	now := time.Now().Unix()
	if last, ok := s.warned.Load(message); ok && now-last.(int64) < warnEvery {
		return
	}
	s.warned.Store(message, now)
	s.log.Warn(message)
}

const warnEvery = 10 // seconds
