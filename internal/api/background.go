package api

import (
	"context"
	"sync"
	"time"
)

// background runs what outlives its request.
type background struct {
	base context.Context
	stop context.CancelFunc
	work sync.WaitGroup
}

func newBackground() *background {
	b := &background{}
	b.base, b.stop = context.WithCancel(context.Background())
	return b
}

// later runs f behind the caller's back for at most five seconds, with the values of ctx and not its end.
func (b *background) later(ctx context.Context, f func(context.Context)) {
	b.work.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		defer context.AfterFunc(b.base, cancel)()
		f(ctx)
	})
}

// close waits for what runs.
func (b *background) close() {
	b.work.Wait()
	b.stop()
}
