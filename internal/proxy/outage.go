package proxy

import (
	"sync/atomic"
	"time"
)

// reportEvery is how often it is logged at most that an upstream fails.
const reportEvery = time.Minute

// An outage is when it was last logged that an upstream fails, in Unix nanoseconds.
type outage struct{ logged atomic.Int64 }

// due reports whether it is time to log it: of an outage a line a minute.
func (o *outage) due() bool {
	now, last := time.Now().UnixNano(), o.logged.Load()
	return now-last >= int64(reportEvery) && o.logged.CompareAndSwap(last, now)
}
