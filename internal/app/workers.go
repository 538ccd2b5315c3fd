package app

import (
	"context"

	"bff/internal/audit"
)

// A worker is work that goes on beside the calls. All of them are in two lists, that of a generation here and that of the
// process in run.go, with what they write to the audit log, each event once for each thing done. A test walks both.
type worker struct {
	name   string
	writes []audit.Kind // nil: nothing that is audited
	run    func(context.Context)
}

// works are the workers of a generation.
func (g *generation) works() []worker {
	return []worker{
		{"outbox", []audit.Kind{audit.GrantRevoked}, g.broker.Outbox.Run},
		{"programs", nil, g.newDeliverer().Run}, // what it brings was written when it happened
		{"users", []audit.Kind{audit.SessionEnded, audit.Unlinked, audit.UserErased}, g.keepUsers},
		{"commands", []audit.Kind{audit.SessionEnded, audit.Unlinked, audit.UserErased, audit.NamesChanged},
			g.events.takeHanded},
	}
}

// start runs the workers of a generation until its stop is called.
func (g *generation) start() {
	ctx, stop := context.WithCancel(context.Background())
	g.stop = stop
	for _, w := range g.works() {
		g.workers.Go(func() { w.run(ctx) })
	}
}
