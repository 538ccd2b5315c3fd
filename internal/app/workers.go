package app

import (
	"context"

	"bff/internal/audit"
)

// A worker is work that goes on beside the calls. All of them are here, with what they write to the audit log, each event
// once for each thing done; a test walks the list.
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

// works are the workers of the process.
func works(in *Instance) []worker {
	read := []audit.Kind{audit.ConfigurationRead, audit.KeysChanged}
	return []worker{
		{"start", read, in.noteStart},
		{"files", read, in.watchFiles},
		{"hangups", read, in.hearHangups},
		{"store", nil, storeWatch{in.now, in.log, in.Record}.run}, // that it is away ends nothing
	}
}
