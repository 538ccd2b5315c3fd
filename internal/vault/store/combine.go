package store

import (
	"context"
	"slices"
	"sync"
)

// A combiner has reads of different callers share a round trip. A read that finds fewer than maxFlights round trips
// under way makes one of its own at once; those that come meanwhile wait for one to land, and then go together. So
// nobody waits who is alone, and a busy process asks the store once for many.
//
// There is none for a Cluster: a server that does not answer would keep those who ask another one.
type combiner struct {
	s  *server
	mu sync.Mutex

	flights int
	waiting []*rider
}

const (
	maxFlights = 2
	maxRiders  = 64 // of one flight
)

// A rider is one read that goes together with others.
type rider struct {
	batch   *Batch
	collect func(*Batch) (answer func() error)
	answer  func() error
	landed  chan struct{}
}

// read is reads.Read.
func (c *combiner) read(ctx context.Context, collect func(*Batch) (answer func() error)) error {
	b := &Batch{s: c.s, ctx: ctx}
	me := c.join(b, collect)
	if me == nil {
		defer c.land()
		b.pipe = c.s.client.Pipeline()
		answer := collect(b)
		exec(ctx, b.pipe)
		return answer()
	}
	select {
	case <-me.landed:
		return me.answer()
	case <-ctx.Done():
		return c.s.fault(ctx, ctx.Err())
	}
}

// join waits with others, or gives nil to who is to go alone.
func (c *combiner) join(b *Batch, collect func(*Batch) (answer func() error)) *rider {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights < maxFlights {
		c.flights++
		return nil
	}
	me := &rider{batch: b, collect: collect, landed: make(chan struct{})}
	c.waiting = append(c.waiting, me)
	return me
}

// land ends a flight of one. Who waits goes next.
func (c *combiner) land() {
	if group := c.next(); group != nil {
		go c.fly(group)
	}
}

// next are those who go together, or nil where nobody waits: then there is a flight less.
func (c *combiner) next() []*rider {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), maxRiders)
	if n == 0 {
		c.flights--
		return nil
	}
	group := slices.Clone(c.waiting[:n])
	c.waiting = slices.Delete(c.waiting, 0, n)
	return group
}

// fly makes round trips until nobody waits. No caller's end is another's: the client has bounds of its own.
func (c *combiner) fly(group []*rider) {
	for ; group != nil; group = c.next() {
		pipe := c.s.client.Pipeline()
		for _, r := range group {
			r.batch.pipe = pipe
			r.answer = r.collect(r.batch)
		}
		exec(context.Background(), pipe)
		for _, r := range group {
			close(r.landed)
		}
	}
}
