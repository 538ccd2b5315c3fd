package store

import (
	"context"
	"errors"
	"net"
	"slices"

	"github.com/redis/go-redis/v9"
)

// reads are what reads several things at once.
type reads struct {
	*server
	combine *combiner // nil: each read is a round trip of its own
}

// Read sends what collect asks for, and then calls what it returned. collect may run on another goroutine, and after Read
// returned because ctx ended; what it returns runs on the caller's.
func (s *reads) Read(ctx context.Context, collect func(*Batch) (answer func() error)) error {
	if s.combine != nil && !recorded(ctx) { // a shared round trip belongs to no trace
		return s.combine.read(ctx, collect)
	}
	b := &Batch{s: s.server, ctx: ctx, pipe: s.client.Pipeline()}
	answer := collect(b)
	exec(ctx, b.pipe)
	return answer()
}

// readAt is Read of keys that are in the slot of one. A Cluster's server is asked itself, so that it is known who
// answered; where it sends its caller elsewhere, the client as a whole follows.
func (s *reads) readAt(ctx context.Context, key string, collect func(*Batch) (answer func() error)) error {
	if s.kind != cluster || recorded(ctx) {
		return s.Read(ctx, collect)
	}
	node := s.node(ctx, key)
	if node == nil {
		return s.Read(ctx, collect)
	}
	b := &Batch{s: s.server, ctx: ctx, pipe: node.Pipeline(), from: node.Options().Addr}
	answer := collect(b)
	cmds := exec(ctx, b.pipe)
	failed := func(c redis.Cmder) bool {
		var reply redis.Error
		return c.Err() != nil && !errors.As(c.Err(), &reply)
	}
	if slices.ContainsFunc(cmds, failed) && ctx.Err() == nil {
		s.client.(*redis.ClusterClient).ReloadState(ctx) // perhaps another one holds the slot by now
		var slow net.Error
		if !errors.As(cmds[0].Err(), &slow) || !slow.Timeout() { // a caller is not kept for two timeouts
			return s.Read(ctx, collect)
		}
	}
	if slices.ContainsFunc(cmds, func(c redis.Cmder) bool { return elsewhere(c.Err()) }) {
		return s.Read(ctx, collect)
	}
	return answer()
}

// elsewhere says whether a server of a Cluster has sent its caller to another one, or does not know of any.
func elsewhere(err error) bool {
	for _, word := range [...]string{"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY"} {
		if redis.HasErrorPrefix(err, word) {
			return true
		}
	}
	return false
}

// Ask is Read where to find nothing has consequences, such as to log somebody out. An answer of ErrNotFound is asked
// for twice, and the second time of a server that takes writes: one that was the master a moment ago refuses to delete
// absent, a key in the same slot that is never there.
func (s *reads) Ask(ctx context.Context, absent string, collect func(*Batch) (answer func() error)) error {
	err := s.readAt(ctx, absent, collect)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return s.AskSurely(ctx, absent, collect)
}

// AskSurely is the second time of Ask, for a caller to whom the first answer said nothing that it understands.
func (s *reads) AskSurely(ctx context.Context, absent string, collect func(*Batch) (answer func() error)) error {
	b := &Batch{s: s.server, ctx: ctx, pipe: s.client.Pipeline()}
	write := b.pipe.Del(ctx, absent)
	answer := collect(b)
	exec(ctx, b.pipe)
	if err := s.fault(ctx, write.Err()); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	} else if err != nil || write.Val() != 0 { // no answer to this command: it is out of step, or no store
		return ErrUnavailable
	}
	return answer()
}
