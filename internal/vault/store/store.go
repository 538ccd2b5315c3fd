package store

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
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

// Config is what a Store needs.
type Config struct {
	URL    string           // required: redis://, rediss://, unix://, redis+sentinel://, redis+cluster:// or memory:
	Prefix string           // required: of every key
	Now    func() time.Time // required
	Log    *slog.Logger     // required
	Spans  bool             // commands of a recorded trace have spans
}

// A Store is one Redis, or what stands in for it. It is safe for concurrent use.
type Store struct {
	client   redis.UniversalClient
	close    func() error
	options  *redis.UniversalOptions // nil for memory:
	kind     kind
	prefix   string
	now      func() time.Time
	log      *slog.Logger
	scripts  map[string]*Script
	replicas replicas
	combine  *combiner        // nil: each read is a round trip of its own
	written  func(tag string) // called after every write below a tag
	warned   sync.Map         // message -> when, in Unix seconds
}

// Open prepares a store. It does not need the server to be up; its errors are the configuration's, without the URL.
func Open(cfg Config) (*Store, error) {
	client, closer, err := dial(cfg.URL)
	if err != nil {
		return nil, err
	}
	o, kind, err := parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	if o != nil {
		budget(o)
	}
	scripts, err := loadScripts()
	if err != nil {
		return nil, err
	}
	if cfg.Spans {
		client.AddHook(spans{})
	}
	made := &Store{client: client, close: closer, options: o, kind: kind, prefix: cfg.Prefix, now: cfg.Now, log: cfg.Log,
		scripts: scripts, written: func(string) {}}
	if kind != cluster {
		made.combine = &combiner{s: made}
	}
	return made, nil
}

// OnWrite has f called with the tag of every write of this process, when it is done. It is set before the first use.
func (s *Store) OnWrite(f func(tag string)) { s.written = f }

// Close lets go of the server.
func (s *Store) Close() error { return s.close() }

// Ping asks for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	text, err := s.client.Ping(ctx).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return s.fault(ctx, err)
	} else if text != "PONG" {
		return ErrUnavailable
	}
	return nil
}

// Serves reports, by commands on a key that never exists, whether the server does what the product needs: a replica, a
// full one or one that cannot save takes no writes, and one may refuse single commands.
func (s *Store) Serves(ctx context.Context) error {
	key := s.Global("w")
	cmds, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Get(ctx, key)
		p.HGetAll(ctx, key)
		p.SetArgs(ctx, key, "", redis.SetArgs{Mode: "XX"})
		p.Del(ctx, key)
		return nil
	})
	for _, cmd := range cmds {
		if e := s.fault(ctx, cmd.Err()); e != nil && !errors.Is(e, ErrNotFound) {
			return e
		}
	}
	if e := s.fault(ctx, err); e != nil && !errors.Is(e, ErrNotFound) {
		return e // of the connection: it is on no single command
	}
	_, err = s.Run(ctx, Call{Script: "probe", Keys: Keys{"absent": key}, Args: Args{}})
	return err
}

// Tagged is the key of what belongs to a tag: all keys of one tag are in one slot.
func (s *Store) Tagged(tag, what string) string { return s.prefix + ":{" + tag + "}:" + what }

// Global is a key that belongs to no tag.
func (s *Store) Global(what string) string { return s.prefix + ":" + what }

// TagOf is the tag that a key is in, or "".
func (s *Store) TagOf(key string) string {
	rest, ok := strings.CutPrefix(key, s.prefix+":{")
	tag, _, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return ""
	}
	return tag
}

// fault turns what go-redis returns into this package's errors. Everything the server did not definitely say is
// ErrUnavailable.
func (s *Store) fault(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.Nil):
		return ErrNotFound
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	}
	var reply redis.Error // the server's own words: nothing passes by itself, so it is worth a line
	if errors.As(err, &reply) {
		if text := s.said(err); text != "" {
			s.Warn("the store refuses: " + text)
		}
	}
	s.log.Debug("store error", "error", err)
	return ErrUnavailable
}

// Warn logs what may concern every call, at most once in a while.
func (s *Store) Warn(message string) {
	now := time.Now().Unix()
	if last, ok := s.warned.Load(message); ok && now-last.(int64) < warnEvery {
		return
	}
	s.warned.Store(message, now)
	s.log.Warn(message)
}

const warnEvery = 10 // seconds
