package simulate

import (
	"runtime"
	"sync"
)

// parallel is how many scenarios run at once, of all providers that are played together, for each processor.
const parallel = 4

// slots bound how many scenarios run at once.
type slots chan struct{}

func newSlots() slots { return make(slots, parallel*runtime.GOMAXPROCS(0)) }

// each calls f for 0 to n-1, as many at once as there are slots.
func (slots slots) each(n int, f func(i int)) {
	var work sync.WaitGroup
	for i := range n {
		work.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			f(i)
		})
	}
	work.Wait()
}
