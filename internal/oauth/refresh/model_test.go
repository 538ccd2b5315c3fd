package refresh_test

import "pgregory.net/rapid"

// The protocol of one refresh, as a model: three instances, one connection, one store, one provider that rotates and,
// if it is strict, ends a grant when a refresh token comes twice. Every step of the code that another instance, a
// crash or an outage can come between is an action; rapid looks for an order of them that breaks a promise. Time is
// the action second: what the code does by timers it does there.
//
//	model          code
//	ask            Broker.wait, refreshBehind: a caller meets a spent token; callers of one process merge (singleflight)
//	step           one of these, whichever comes next for an instance:
//	  ask          Broker.wait, refreshBehind: a caller meets a spent token; callers of one process merge (singleflight)
//	  lock         vault.Lock; a loser looks again when the bus or recheck wakes it (a lost message costs the recheck, so it is no action of its own)
//	  intend       refresh.look under the lock, vault.SetIntent, refresh.intend
//	  send         the request arrives at the provider, which acts
//	  take         the answer arrives: Broker.write by compare-and-set, or Broker.hold
//	second         keeper.renew (the lease, and taking it again), refresh.grace, hold's retries, the lease of the dead
//	trouble        one of these:
//	  refuse       verdict unspent: vault.ClearIntent
//	  drop         verdict unclear, before the provider acted or after: timeout, a gateway's 504, a broken connection
//	  crash        kill -9: all that an instance knows is gone
//	  freeze       an instance stops, or is cut off, while its answer is on the way: its timers do not run, its lock lapses
//	  up           the store goes, or is back; nothing in it is lost, and its leases run out meanwhile
//	  touch        the record is sealed anew, which gives way to a refresh: another version, the same tokens
//	  revoked      the person ends the grant at the provider
//	  gone         logout or unlink
//	  link         the person signs in again
type world struct {
	strict   bool // the provider ends a grant when a refresh token comes twice
	up       bool
	gone     bool
	rt       int // the stored refresh token
	linked   int // the grant the person gave last
	version  int
	dead     bool // needs_reauth
	away     bool // for the reason rotated_away
	lockedBy int  // 0: nobody
	lease    int
	stamp    int // of the intent, 0: none

	grant    map[int]int  // refresh token -> its grant
	live     map[int]int  // grant -> the refresh token the provider would accept, 0 when it is over
	revoked  map[int]bool // by the person
	accepted map[int]int  // refresh token -> the one given for it
	lost     map[int]bool
	froze    map[int]bool // refresh tokens whose answer was held up
	killed   map[int]bool // grants whose provider saw a token twice because of that, or of a lost answer

	n   int // of everything that must be new
	ins [3]machine
}

// Where an instance is.
const (
	idle = iota
	wanting
	locked
	graced
	ready
	sent
)

type machine struct {
	id      int // of its lock; anew after each crash
	at      int
	had     int // the refresh token its caller met
	rt      int // what it read
	version int
	grace   int
	waited  bool // a grace, and the lock was free after it
	stamp   int  // of the intent it wrote
	before  bool // another intent stood there
	mine    int  // stamp of an intent of its own whose answer it knows it does not hold
	reply   int  // 0 none yet, -1 invalid_grant, else the new refresh token
	held    int  // a new refresh token the store has not taken
	heldFor int
	frozen  int // seconds
}

const (
	modelLease = 3 // seconds: vault.LockLease
	modelGrace = 2 // whole ones of lostGrace
)

func newWorld() *world {
	w := &world{
		up:       true,
		rt:       1,
		linked:   1,
		version:  1,
		n:        1,
		accepted: map[int]int{},
		lost:     map[int]bool{},
		froze:    map[int]bool{},
		killed:   map[int]bool{},
		grant:    map[int]int{1: 1},
		live:     map[int]int{1: 1},
		revoked:  map[int]bool{},
	}
	for i := range w.ins {
		w.ins[i].id = w.next()
	}
	return w
}

func (w *world) next() int { w.n++; return w.n }

func (w *world) release(m *machine) {
	if w.up && w.lockedBy == m.id {
		w.lockedBy = 0
	}
	m.id = w.next() // a lock has an owner of its own
}

// leave is the end of a refresh, whatever it came to.
func (w *world) leave(m *machine) {
	w.release(m)
	m.at, m.reply = idle, 0
}

func (w *world) lock(m *machine) bool {
	if m.at != wanting || !w.up || w.lockedBy != 0 {
		return false
	}
	w.lockedBy, w.lease, m.at = m.id, modelLease, locked
	return true
}

// look reads again. It says whether there is something to refresh.
func (w *world) look(m *machine) bool {
	if !w.up || w.gone || w.dead || m.held != 0 || m.rt != w.rt {
		w.leave(m)
		return false
	}
	m.rt, m.version = w.rt, w.version
	return true
}

func (w *world) intend(m *machine) bool {
	if m.at != locked {
		return false
	}
	if !w.look(m) {
		return true
	}
	w.setIntent(m)
	return true
}

func (w *world) setIntent(m *machine) {
	if !w.up || w.lockedBy != m.id {
		w.leave(m)
		return
	}
	before := w.stamp
	w.stamp = w.next()
	m.stamp, m.before = w.stamp, before != 0
	if m.before && before != m.mine && !m.waited {
		w.release(m)
		m.at, m.grace = graced, modelGrace
		return
	}
	m.at = ready
}

// send: the provider acts on a request.
func (w *world) send(t *rapid.T, m *machine) bool {
	if m.at != ready {
		return false
	}
	m.at = sent
	if m.rt != m.had {
		t.Fatal("a token was refreshed that is newer than what its caller met")
	}
	g := w.grant[m.rt]
	if next, used := w.accepted[m.rt]; used {
		if !w.lost[m.rt] && !w.revoked[g] && !w.froze[next] {
			t.Fatalf("refresh token %d was used twice, and its answer %d was not lost", m.rt, next)
		}
		if w.strict {
			w.live[g], w.killed[g] = 0, true
		}
	}
	if m.rt != w.live[g] {
		m.reply = -1
		return true
	}
	m.reply = w.next()
	w.accepted[m.rt], w.live[g], w.grant[m.reply] = m.reply, m.reply, g
	return true
}

// take: the answer arrives.
func (w *world) take(t *rapid.T, m *machine) bool {
	if m.at != sent {
		return false
	}
	if m.reply > 0 {
		if !w.write(m.rt, m.reply) {
			m.held, m.heldFor = m.reply, m.rt
		}
		w.leave(m)
		return true
	}
	switch {
	case !w.up:
		m.held, m.heldFor = -1, m.rt
	case !w.gone && w.rt == m.rt:
		w.markDead(t, m)
	}
	w.leave(m)
	return true
}

// write is the compare-and-set on the refresh token that was sent: over another version with the same token too, over
// another token never.
func (w *world) write(sent, got int) (settled bool) {
	switch {
	case !w.up:
		return false
	case w.gone || w.dead && !w.away || w.rt != sent:
		return true
	}
	w.rt, w.version, w.stamp, w.dead = got, w.next(), 0, false
	return true
}

func (w *world) markDead(t *rapid.T, m *machine) {
	if w.dead {
		return
	}
	g := w.grant[w.rt]
	if w.rt == w.live[g] {
		t.Fatalf("a connection was ended whose refresh token %d is alive", w.rt)
	}
	if !w.revoked[g] && !w.killed[g] && !w.lost[w.rt] && !w.late(w.accepted[w.rt]) {
		t.Fatalf("a connection was ended that nobody revoked, and no answer of %d was lost", w.rt)
	}
	w.dead, w.away, w.version, w.stamp = true, m.before, w.next(), 0
}

// link is a person who signs in again: another grant, in the place of the old one.
func (w *world) link() {
	w.rt, w.version, w.stamp, w.dead = w.next(), w.next(), 0, false
	w.grant[w.rt], w.live[w.rt], w.linked = w.rt, w.rt, w.rt
}

func (w *world) revoke() {
	g := w.grant[w.rt]
	w.revoked[g], w.live[g] = true, 0
}

// unclear is an answer that does not come. The intent stays.
func (w *world) unclear(m *machine) {
	m.mine = m.stamp
	w.leave(m)
}

func (w *world) forget(m *machine) {
	if m.at == sent && m.reply > 0 {
		w.lost[m.rt] = true
	}
	if m.held > 0 {
		w.lost[m.heldFor] = true
	}
}

// second lets one pass: timers of the living run, leases of the dead run out.
func (w *world) second(t *rapid.T) {
	for i := range w.ins {
		m := &w.ins[i]
		if m.frozen > 0 {
			m.frozen--
			continue
		}
		if m.held != 0 && w.up { // hold's retries come several times a second
			if m.held > 0 {
				w.write(m.heldFor, m.held)
			} else if !w.gone && w.rt == m.heldFor {
				w.markDead(t, m)
			}
			m.held, m.heldFor = 0, 0
		}
		if m.at == locked || m.at == ready || m.at == sent {
			w.keep(m)
		}
	}
	if w.lockedBy != 0 {
		if w.lease--; w.lease <= 0 {
			w.lockedBy = 0
		}
	}
	for i := range w.ins {
		w.wait(&w.ins[i])
	}
}

// keep is keeper.renew.
func (w *world) keep(m *machine) {
	switch {
	case !w.up:
	case w.lockedBy == m.id:
		w.lease = modelLease + 1
	case w.lockedBy == 0:
		m.id = w.next()
		w.lockedBy, w.lease = m.id, modelLease+1
	}
}

// wait is refresh.grace.
func (w *world) wait(m *machine) {
	if m.at != graced || !w.look(m) {
		return
	}
	if m.grace--; m.grace > 0 {
		return
	}
	m.at, m.waited = wanting, w.lockedBy == 0
	w.lock(m)
}

func (w *world) check(t *rapid.T) {
	if w.grant[w.rt] != w.linked {
		t.Fatal("a new grant was written over by an old one")
	}
	holders := 0
	for i := range w.ins {
		if w.lockedBy != 0 && w.ins[i].id == w.lockedBy {
			holders++
		}
	}
	if holders > 1 {
		t.Fatal("a lock has two holders")
	}
	if next, used := w.accepted[w.rt]; used && !w.dead && !w.gone && !w.revoked[w.grant[w.rt]] && !w.lost[w.rt] &&
		!w.someoneHas(next) {
		t.Fatalf("the answer to %d is nowhere, and was not lost", w.rt)
	}
}

// late says whether the answer with this token is on its way to an instance that is frozen, or was.
func (w *world) late(rt int) bool { return rt != 0 && w.froze[rt] && w.someoneHas(rt) }

// freeze stops an instance whose answer is on the way, for longer than a lease and a grace or not.
func (w *world) freeze(t *rapid.T, m *machine) {
	m.frozen = rapid.IntRange(1, 2*(modelLease+modelGrace)).Draw(t, "seconds")
	if m.reply > 0 {
		w.froze[m.reply] = true
	}
}

func (w *world) someoneHas(rt int) bool {
	for i := range w.ins {
		if m := &w.ins[i]; m.held == rt || m.at == sent && m.reply == rt {
			return true
		}
	}
	return false
}

// settle ends all trouble and lets everybody finish; then one more caller comes. Everything must have recovered, or
// have ended for a definite reason.
func (w *world) settle(t *rapid.T) {
	w.up = true
	for i := range w.ins {
		w.ins[i].frozen = 0
	}
	for round := range 2 {
		for range 40 {
			for i := range w.ins {
				m := &w.ins[i]
				_ = w.lock(m) || w.intend(m) || w.send(t, m) || w.take(t, m)
			}
			w.second(t)
		}
		if round == 0 {
			w.ask(&w.ins[0])
		}
	}
	for i := range w.ins {
		if m := &w.ins[i]; m.at != idle || m.held != 0 {
			t.Fatalf("instance %d hangs: %+v", i, *m)
		}
	}
	if w.lockedBy != 0 {
		t.Fatal("a lock outlives its seconds")
	}
	if g := w.grant[w.rt]; w.dead && !w.revoked[g] && w.live[g] != 0 && !w.lost[w.rt] {
		t.Fatalf("the answer to %d came late, and did not bring the connection back", w.rt)
	}
	if live := w.live[w.grant[w.rt]]; !w.gone && !w.dead && w.rt != live {
		t.Fatalf("the stored refresh token is %d, the live one %d", w.rt, live)
	}
}

// ask is a caller with the record as it is now.
func (w *world) ask(m *machine) bool {
	if m.at != idle || m.held != 0 || !w.up || w.gone || w.dead {
		return false
	}
	m.at, m.had, m.rt, m.before, m.waited = wanting, w.rt, w.rt, false, false
	return true
}

// dropRequest and dropAnswer are a call that comes to nothing clear, before and after the provider acted.
func (w *world) drop(m *machine) {
	w.forget(m)
	w.unclear(m)
}

// refuse is a connection that the provider does not take: certainly unspent.
func (w *world) refuse(m *machine) {
	if w.up && !m.before && w.lockedBy == m.id {
		w.stamp = 0
	}
	w.leave(m)
}

func (w *world) crash(m *machine) {
	w.forget(m)
	*m = machine{id: w.next()}
}
