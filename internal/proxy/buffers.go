package proxy

import (
	"sync"
	"sync/atomic"
)

// buffers are what flowing bodies hold, and ReverseProxy's pool.
type buffers struct {
	pool sync.Pool
	most int32 // that are out at once; 0: any number
	out  atomic.Int32
}

// mostHuge is how many bodies of a mount have a buffer of 128 KiB: 8 MiB in all.
const mostHuge = 64

func newBuffers(size int) *buffers {
	return &buffers{pool: sync.Pool{New: func() any { b := make([]byte, size); return &b }}}
}

func (b *buffers) Get() []byte { return *b.pool.Get().(*[]byte) }

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// take and give are the same without a copy of the slice's header, and with the bound: nil when as many are out.
func (b *buffers) take() *[]byte {
	if b.most > 0 && b.out.Add(1) > b.most {
		b.out.Add(-1)
		return nil
	}
	return b.pool.Get().(*[]byte)
}

func (b *buffers) give(p *[]byte) {
	b.pool.Put(p)
	if b.most > 0 {
		b.out.Add(-1)
	}
}
