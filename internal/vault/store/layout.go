package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"bff/internal/vault/seal"
)

// A layout says how the names of keys are spelled in a store.
//
//	<prefix>:{<tag>}:…     as they are, where there is no <prefix>:v
//	<prefix>:v:{<name>}:…  where there is one: the secret of the names, sealed
//
// The rules are:
//
//  1. A process reads which it is before its first command, and again after its subscription to the bus was lost.
//     What it cannot open is unavailable: it never takes a store for empty whose names it does not know.
//  2. A command whose keys are spelled in another layout than the process knows of is not sent (fence).
//  3. A key is spelled before the members of its command, so that no member is of an older layout than its key.
//  4. The names change while no instance listens on the bus: see Rename.
type layout struct{ names *seal.Names } // nil names: as they are

// Sealed names are opened, and made, by who has the keys.
type openNames func(value string) (*seal.Names, error)

// OpenNames has f open what stands at NamesKey. Its error is logged. It is set before the first use.
func (s *Store) OpenNames(f func(value string) (*seal.Names, error)) { s.openNames = f }

// NamesKey is where the secret of the names stands, sealed.
func (s *server) NamesKey() string { return s.prefix + ":v" }

// Ready reads how the store spells names, where that is not known yet.
func (s *server) Ready(ctx context.Context) error {
	_, err := s.spelling(ctx)
	return s.fault(ctx, err)
}

// names are those of the layout that is known, nil where none is.
func (s *server) names() *seal.Names {
	if l := s.layout.Load(); l != nil {
		return l.names
	}
	return nil
}

// Member is how a tag is spelled as a member of a sorted set; MemberOf reads it back.
func (s *server) Member(tag string) string      { return s.names().Tag(tag) }
func (s *server) MemberOf(member string) string { return s.names().TagOf(member) }

// ID is how a user's id is spelled within a value; IDOf reads it back.
func (s *server) ID(id string) string     { return s.names().ID(id) }
func (s *server) IDOf(name string) string { return s.names().IDOf(name) }

// spelling is the layout, read from the store where it is not known, or perhaps no longer what it was.
func (s *server) spelling(ctx context.Context) (*layout, error) {
	was := s.layout.Load()
	if was != nil && !s.stale.Load() || s.openNames == nil {
		return was, nil
	}
	s.stale.Store(false)
	made, err := s.learn(ctx, was)
	if err != nil {
		s.stale.Store(true)
		return nil, err
	}
	s.layout.Store(made)
	return made, nil
}

func (s *server) learn(ctx context.Context, was *layout) (*layout, error) {
	value, err := s.client.Get(ctx, s.NamesKey()).Result()
	switch {
	case errors.Is(err, redis.Nil) && was != nil && was.names != nil:
		s.Warn("the store: " + errLost.Error())
		return nil, errLost
	case errors.Is(err, redis.Nil):
		return &layout{}, nil
	case err != nil:
		return nil, err
	}
	names, err := s.openNames(value)
	if err != nil {
		s.Warn("the store: " + err.Error())
		return nil, fmt.Errorf("%w: %w", ErrNames, err)
	}
	if was != nil && was.names != nil {
		return was, nil // there is one secret in the life of a store
	}
	return &layout{names}, nil
}

// ErrNames is ErrUnavailable of a store that answers: how it spells names is not known here.
var ErrNames = errors.New("what it holds cannot be found")

var errLost = fmt.Errorf("%w: it has lost the secret of its names; restore it, or start with an empty one", ErrNames)

// A fence is what every command passes on its way to a server.
type fence struct{ s *server }

// DialHook implements [redis.Hook].
func (fence) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (f fence) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := f.s.admit(ctx, cmd); err != nil {
			cmd.SetErr(err)
			return err
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (f fence) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if err := f.s.admit(ctx, cmd); err != nil {
				for _, none := range cmds {
					none.SetErr(err)
				}
				return err
			}
		}
		return next(ctx, cmds)
	}
}

// admit refuses a command whose first key is spelled in another layout than the store's.
func (s *server) admit(ctx context.Context, cmd redis.Cmder) error {
	key := firstKey(cmd)
	rest, ours := strings.CutPrefix(key, s.below)
	if !ours || rest == "v" || rest == "bus" {
		return nil
	}
	l, err := s.spelling(ctx)
	if err != nil {
		return err
	}
	if spelled := strings.HasPrefix(rest, "v:"); l != nil && spelled != (l.names != nil) {
		return ErrUnavailable // the layout became known a moment ago: the next try has the right names
	}
	return nil
}

// firstKey is a command's first key, or what stands in its place.
func firstKey(cmd redis.Cmder) string {
	at, args := 1, cmd.Args()
	if name := cmd.Name(); name == "evalsha" || name == "eval" {
		at = 3
	}
	if len(args) <= at {
		return ""
	}
	key, _ := args[at].(string)
	return key
}
