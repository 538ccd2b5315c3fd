package store

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// A Batch collects reads that travel in one round trip. Their answers are there when the function returned by the
// collecting function runs.
type Batch struct {
	s    *Store
	ctx  context.Context
	pipe redis.Pipeliner
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

// Field reads one field of a hash.
func (b *Batch) Field(key, field string) Text { return Text{b, b.pipe.HGet(b.ctx, key, field)} }

// All reads a hash.
func (b *Batch) All(key string) Hash { return Hash{b, b.pipe.HGetAll(b.ctx, key)} }

// Read sends what collect asks for, and then calls what it returned.
func (s *Store) Read(ctx context.Context, collect func(*Batch) (answer func() error)) error {
	b := &Batch{s: s, ctx: ctx, pipe: s.client.Pipeline()}
	answer := collect(b)
	exec(ctx, b.pipe)
	return answer()
}

// Ask is Read where to find nothing has consequences, such as to log somebody out. An answer of ErrNotFound is asked
// for twice, and the second time of a server that takes writes: one that was the master a moment ago refuses to delete
// absent, a key in the same slot that is never there.
func (s *Store) Ask(ctx context.Context, absent string, collect func(*Batch) (answer func() error)) error {
	err := s.Read(ctx, collect)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	b := &Batch{s: s, ctx: ctx, pipe: s.client.Pipeline()}
	write := b.pipe.Del(ctx, absent)
	answer := collect(b)
	exec(ctx, b.pipe)
	if err := write.Err(); err != nil {
		return s.fault(ctx, err)
	}
	return answer()
}

// exec sends a pipeline. Each command then has its own answer or error: go-redis leaves commands without either where a
// connection could not be set up because the server refused it (WRONGPASS, NOPERM for SELECT …), and an empty answer
// would read as "nothing there".
func exec(ctx context.Context, pipe redis.Pipeliner) {
	cmds, err := pipe.Exec(ctx)
	if err == nil {
		return
	}
	for _, cmd := range cmds {
		if said := cmd.Err(); said != nil && said.Error() == err.Error() {
			return
		}
	}
	for _, cmd := range cmds {
		cmd.SetErr(err)
	}
}
