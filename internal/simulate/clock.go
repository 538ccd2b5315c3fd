package simulate

import (
	"sync/atomic"
	"time"
)

const (
	patience = 20 * time.Second // bounds every wait of a scenario
	lifetime = time.Hour        // of access tokens of the stand-in
	step     = time.Second      // by which a waiting trial puts its clock forward
)

// A clock is a trial's: everybody in it goes by it, bff and the stand-in, and what bff would wait for, such as a second
// attempt after a failure, is reached by putting it forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// skip puts the clock forward. What waits for the clock alone, behind everybody's back, is then looked at.
func (t *trial) skip(d time.Duration) {
	t.clock.ahead.Add(int64(d))
	t.instance.Nudge()
}

// until waits for something that happens later, or behind everybody's back, no longer than its patience.
func (t *trial) until(ok func() bool) bool {
	pause := time.Millisecond
	for end := time.Now().Add(patience); t.waiting() && time.Now().Before(end); t.skip(step) {
		if ok() {
			return true
		}
		t.wait(pause)
		pause = min(2*pause, 100*time.Millisecond)
	}
	return false
}

func (t *trial) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	}
}
