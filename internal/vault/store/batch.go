package store

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Batch collects reads that travel in one round trip. Their answers are there when the function returned by the
// collecting function runs.
type Batch struct {
	s    *Store
	ctx  context.Context
	pipe redis.Pipeliner
	from string // the address of a Cluster's server that answered; "" where that is not known, or no Cluster's
}

// A Text is the answer of Get or Field: ErrNotFound where there is none.
type Text struct {
	b   *Batch
	cmd *redis.StringCmd
}

// Result is the answer.
func (t Text) Result() (string, error) {
	value, err := t.cmd.Result()
	return value, t.b.s.fault(t.b.ctx, err)
}

// A Hash is the answer of All: empty where there is none.
type Hash struct {
	b   *Batch
	cmd *redis.MapStringStringCmd
}

// Result is the answer.
func (h Hash) Result() (map[string]string, error) {
	values, err := h.cmd.Result()
	return values, h.b.s.fault(h.b.ctx, err)
}

// Get reads a string.
func (b *Batch) Get(key string) Text { return Text{b, b.pipe.Get(b.ctx, key)} }

// A Life is the answer of Batch.Life.
type Life struct{ cmd *redis.DurationCmd }

// Result is how long a key has to live, 0 where that is not known.
func (l Life) Result() time.Duration { return max(l.cmd.Val(), 0) }

// Life reads how long a key has to live.
func (b *Batch) Life(key string) Life { return Life{b.pipe.PTTL(b.ctx, key)} }

// Field reads one field of a hash.
func (b *Batch) Field(key, field string) Text { return Text{b, b.pipe.HGet(b.ctx, key, field)} }

// All reads a hash.
func (b *Batch) All(key string) Hash { return Hash{b, b.pipe.HGetAll(b.ctx, key)} }

// Read sends what collect asks for, and then calls what it returned. collect may run on another goroutine, and after Read
// returned because ctx ended; what it returns runs on the caller's.
func (s *Store) Read(ctx context.Context, collect func(*Batch) (answer func() error)) error {
	if s.combine != nil && !recorded(ctx) { // a shared round trip belongs to no trace
		return s.combine.read(ctx, collect)
	}
	b := &Batch{s: s, ctx: ctx, pipe: s.client.Pipeline()}
	answer := collect(b)
	exec(ctx, b.pipe)
	return answer()
}

// readAt is Read of keys that are in the slot of one. A Cluster's server is asked itself, so that it is known who
// answered; where it sends its caller elsewhere, the client as a whole follows.
func (s *Store) readAt(ctx context.Context, key string, collect func(*Batch) (answer func() error)) error {
	if s.kind != cluster || recorded(ctx) {
		return s.Read(ctx, collect)
	}
	node := s.node(ctx, key)
	if node == nil {
		return s.Read(ctx, collect)
	}
	b := &Batch{s: s, ctx: ctx, pipe: node.Pipeline(), from: node.Options().Addr}
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
func (s *Store) Ask(ctx context.Context, absent string, collect func(*Batch) (answer func() error)) error {
	err := s.readAt(ctx, absent, collect)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	b := &Batch{s: s, ctx: ctx, pipe: s.client.Pipeline()}
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

// exec sends a pipeline. Each command then has its own answer or error: go-redis leaves commands without either where a
// connection could not be set up because the server refused it (WRONGPASS, NOPERM for SELECT …), and an empty answer
// would read as "nothing there".
func exec(ctx context.Context, pipe redis.Pipeliner) []redis.Cmder {
	cmds, err := pipe.Exec(ctx)
	if err == nil {
		return cmds
	}
	for _, cmd := range cmds {
		if said := cmd.Err(); said != nil && said.Error() == err.Error() {
			return cmds
		}
	}
	for _, cmd := range cmds {
		cmd.SetErr(err)
	}
	return cmds
}
