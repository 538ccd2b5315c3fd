package store

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Batch collects reads that travel in one round trip. Their answers are there when the function returned by the
// collecting function runs.
type Batch struct {
	s    *server
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
