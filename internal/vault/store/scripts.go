package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// scripts run on the server.
type scripts struct {
	*server
	known    map[string]*Script // by name
	replicas replicas
}

// resolve puts keys and arguments in the script's order. A name that is missing or unknown is a mistake of the caller:
// it panics, and every script is run by a test.
func (s *scripts) resolve(c *Call) (script *redis.Script, keys []string, args []any) {
	known := s.known[c.Script]
	if known == nil {
		panic("store: there is no script " + c.Script)
	}
	keys, args = known.order(c)
	return known.script, keys, args
}

// The answers of scripts. That something is gone, or was changed by others, is a number that no command answers: an
// answer to another question (0, say) ends nothing.
const (
	done     = 1
	gone     = -404
	conflict = -409
)

// Run runs a script that answers a number: what it is, where it is neither gone nor conflict, which are errors.
func (s *scripts) Run(ctx context.Context, c Call) (int, error) {
	script, keys, args := s.resolve(&c)
	defer s.written(s.TagOf(keys[0]))
	n, err := script.Run(ctx, s.client, keys, args...).Int()
	return s.answer(ctx, n, err)
}

// RunDurably is Run for a write that waits, within a bound, for one replica, where there are any.
func (s *scripts) RunDurably(ctx context.Context, c Call) (int, error) {
	cmd, _ := s.evalDurably(ctx, c)
	n, err := cmd.Int()
	return s.answer(ctx, n, err)
}

// RunConfirmed is RunDurably for a write before which nothing else may happen: it is ErrUnavailable, although it was
// done, where there are replicas and none confirmed it.
func (s *scripts) RunConfirmed(ctx context.Context, c Call) (int, error) {
	cmd, confirmed := s.evalDurably(ctx, c)
	n, err := cmd.Int()
	if n, err = s.answer(ctx, n, err); err == nil && !confirmed {
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, errUnconfirmed)
	}
	return n, err
}

var errUnconfirmed = errors.New("no replica confirmed a write in time")

// CountDurably is RunDurably for a script that answers how many: nothing is an answer like another.
func (s *scripts) CountDurably(ctx context.Context, c Call) (int, error) {
	cmd, _ := s.evalDurably(ctx, c)
	n, err := cmd.Int()
	return n, s.fault(ctx, err)
}

// IDsDurably is RunDurably for a script that answers ids of sessions, joined by commas, or a word of `erase`.
func (s *scripts) IDsDurably(ctx context.Context, c Call) ([]string, error) {
	cmd, _ := s.evalDurably(ctx, c)
	text, err := cmd.Text()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, ErrUnavailable // no script of these answers nothing at all
	case err != nil || text == "":
		return nil, s.fault(ctx, err)
	}
	ids := strings.Split(text, ",")
	foreign := func(id string) bool { return !strings.HasPrefix(id, "s_") && id != "kept" && id != "erased" }
	if slices.ContainsFunc(ids, foreign) {
		return nil, ErrUnavailable // the answer is of something else
	}
	return ids, nil
}

// RunText runs a script that answers a string, or ErrNotFound.
func (s *scripts) RunText(ctx context.Context, c Call) (string, error) {
	script, keys, args := s.resolve(&c)
	defer s.written(s.TagOf(keys[0]))
	text, err := script.Run(ctx, s.client, keys, args...).Text()
	return text, s.fault(ctx, err)
}

// RunList runs a script that answers strings.
func (s *scripts) RunList(ctx context.Context, c Call) ([]string, error) {
	script, keys, args := s.resolve(&c)
	list, err := script.Run(ctx, s.client, keys, args...).StringSlice()
	if errors.Is(err, redis.Nil) {
		return nil, ErrUnavailable // every script of these answers a list
	}
	return list, s.fault(ctx, err)
}

func (s *scripts) answer(ctx context.Context, n int, err error) (int, error) {
	switch {
	case errors.Is(err, redis.Nil):
		return 0, ErrUnavailable // every script answers something
	case err != nil:
		return 0, s.fault(ctx, err)
	case n >= done:
		return n, nil
	case n == conflict:
		return 0, ErrConflict
	case n == gone:
		return 0, ErrNotFound
	}
	return 0, ErrUnavailable // the answer is of something else
}

// evalDurably runs a script and WAIT in one pipeline, since WAIT speaks of its own connection's writes. That no replica
// answered in time is logged: the write is done. confirmed says that one did, or that there is none.
func (s *scripts) evalDurably(ctx context.Context, c Call) (_ *redis.Cmd, confirmed bool) {
	script, keys, args := s.resolve(&c)
	defer s.written(s.TagOf(keys[0]))
	node := s.node(ctx, keys[0])
	if node == nil || s.replicas.count(ctx, node) == 0 {
		return script.Run(ctx, s.client, keys, args...), true
	}
	cmd, waited := awaited(ctx, node, script.EvalSha, keys, args)
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		cmd, waited = awaited(ctx, node, script.Eval, keys, args)
	}
	for _, elsewhere := range [...]string{"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"} {
		if redis.HasErrorPrefix(cmd.Err(), elsewhere) { // the slot moved: the client as a whole follows it
			return script.Run(ctx, s.client, keys, args...), false
		}
	}
	if cmd.Err() == nil && waited < 1 {
		s.Warn("no replica confirmed a write in time")
	}
	return cmd, waited > 0
}

type evaluate func(ctx context.Context, on redis.Scripter, keys []string, args ...any) *redis.Cmd

func awaited(
	ctx context.Context,
	node *redis.Client,
	eval evaluate,
	keys []string,
	args []any,
) (cmd *redis.Cmd, n int) {
	pipe := node.Pipeline()
	cmd = eval(ctx, pipe, keys, args...)
	wait := pipe.Do(ctx, "WAIT", 1, replicaWait.Milliseconds())
	exec(ctx, pipe)
	n, _ = wait.Int()
	return cmd, n
}
