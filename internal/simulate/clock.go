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
