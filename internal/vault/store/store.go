package store

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
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
	*server
	commands
	scripts
	reads
	close func() error
	bare  func() (redis.UniversalClient, func() error, error) // a client of its own, without a fence
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
	known, err := loadScripts()
	if err != nil {
		return nil, err
	}
	if cfg.Spans {
		client.AddHook(spans{})
	}
	to := &server{client: client, options: o, kind: kind, prefix: cfg.Prefix, below: cfg.Prefix + ":", now: cfg.Now,
		log: cfg.Log, written: func(string) {}}
	if c, ok := client.(*redis.ClusterClient); ok {
		c.OnNewNode(func(node *redis.Client) { node.AddHook(fence{to}) })
	} else {
		client.AddHook(fence{to})
	}
	made := &Store{server: to, commands: commands{to}, scripts: scripts{server: to, known: known},
		reads: reads{server: to}, close: closer}
	made.bare = func() (redis.UniversalClient, func() error, error) { return dial(cfg.URL) }
	if kind != cluster {
		made.combine = &combiner{s: to}
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
	if err := s.Ready(ctx); err != nil {
		return err
	}
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
