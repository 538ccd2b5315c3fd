package wire

import (
	"sync"
	"time"
)

const (
	mostIdle   = 512 // connections of a host
	idleFor    = 90 * time.Second
	sweepEvery = 15 * time.Second
)

// A pool keeps the connections that no call uses. It is safe for concurrent use.
type pool struct {
	mu     sync.Mutex // guards what follows
	free   map[host][]*conn
	sweeps bool // a timer runs
}

// get returns an idle connection that nobody has closed or spoken on, or nil.
func (p *pool) get(at host) *conn {
	for {
		p.mu.Lock()
		all := p.free[at]
		if len(all) == 0 {
			p.mu.Unlock()
			return nil
		}
		last := all[len(all)-1]
		all[len(all)-1] = nil
		p.free[at] = all[:len(all)-1]
		p.mu.Unlock()
		if last.silent() && time.Since(last.since) < idleFor {
			return last
		}
		_ = last.Close()
	}
}

// put keeps a connection for the next call.
func (p *pool) put(n *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free[n.at]) >= mostIdle {
		_ = n.Close()
		return
	}
	n.since = time.Now()
	p.free[n.at] = append(p.free[n.at], n)
	if !p.sweeps {
		p.sweeps = true
		time.AfterFunc(sweepEvery, p.sweep)
	}
}

// sweep closes the connections that were idle for long, or that the other side has closed.
func (p *pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, all := range p.free {
		kept := all[:0]
		for _, n := range all {
			if time.Since(n.since) < idleFor && n.silent() {
				kept = append(kept, n)
			} else {
				_ = n.Close()
			}
		}
		clear(all[len(kept):])
		if p.free[at] = kept; len(kept) == 0 {
			delete(p.free, at)
		}
	}
	if p.sweeps = len(p.free) > 0; p.sweeps {
		time.AfterFunc(sweepEvery, p.sweep)
	}
}

// close closes the connections that no call uses.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, all := range p.free {
		for _, n := range all {
			_ = n.Close()
		}
	}
	clear(p.free)
}
