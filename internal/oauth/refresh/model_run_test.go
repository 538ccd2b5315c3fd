package refresh_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// The model of model_test.go, let loose.
func TestTheProtocolAsAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		w.strict = rapid.Bool().Draw(t, "strict")
		t.Repeat(w.actions())
		w.settle(t)
	})
}

// step takes an instance one step on its way. It says whether there was one.
func (w *world) step(t *rapid.T, m *machine) bool {
	return m.frozen == 0 && (w.ask(m) || w.lock(m) || w.intend(m) || w.send(t, m) || w.take(t, m))
}

// trouble is what can come between.
func (w *world) trouble(t *rapid.T, m *machine) {
	troubles := []func(){func() { w.up = !w.up }, func() { w.up = !w.up }}
	if w.up && !w.gone && w.stamp == 0 && w.lockedBy == 0 {
		troubles = append(troubles, func() { w.version = w.next() }) // touch
	}
	if w.up && !w.gone && w.n > 12 {
		troubles = append(troubles, w.link)
	}
	if m.at == ready {
		troubles = append(troubles, func() { w.refuse(m) }, func() { w.drop(m) })
	}
	if m.at == sent {
		troubles = append(troubles, func() { w.drop(m) }, func() { w.freeze(t, m) })
	}
	if m.at != idle || m.held != 0 {
		troubles = append(troubles, func() { w.crash(m) })
	}
	if w.n > 40 {
		troubles = append(troubles, w.revoke, func() { w.gone = w.gone || w.up })
	}
	troubles[rapid.IntRange(0, len(troubles)-1).Draw(t, "trouble")]()
}

// actions are weighted, so that runs go deep: most of the time instances go on and time passes.
func (w *world) actions() map[string]func(*rapid.T) {
	pick := func(t *rapid.T) *machine { return &w.ins[rapid.IntRange(0, len(w.ins)-1).Draw(t, "instance")] }
	step := func(t *rapid.T) { w.step(t, pick(t)) }
	second := func(t *rapid.T) { w.second(t) }
	return map[string]func(*rapid.T){
		"step": step, "step again": step, "step on": step, "second": second, "second more": second,
		"trouble": func(t *rapid.T) { w.trouble(t, pick(t)) },
		"":        func(t *rapid.T) { w.check(t) },
	}
}

func (m machine) String() string {
	return fmt.Sprintf("at %d rt %d version %d reply %d held %d", m.at, m.rt, m.version, m.reply, m.held)
}
