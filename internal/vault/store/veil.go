package store

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/vault/seal"
)

// A Veiling is what the vault says of its keys, for a store whose names are to be veiled: see the vault's doc.go.
type Veiling struct {
	Keys    []string // where the record may stand, one for each key of the ring, a new one in front
	Seal    func(plain []byte) []byte
	Open    func(value string) ([]byte, error)
	Overlap time.Duration // how long instances that veil nothing may run beside this one
	Sets    []string      // sorted sets of names
	// Below are the names of what may stand beside a hash, of which these are the fields; of "", what stands alone.
	Below func(name string, fields map[string]string) []string
	// Rewrite is an element of a list with its own names veiled.
	Rewrite func(element string, veil func(string) string) string
}

// A veil hides whose keys the store's are. It stands below all commands: what is above it says tags and names as they
// are, and no command with a tag is sent before it is known how that tag is spelled in this store.
type veil struct {
	Veiling
	s     *Store
	plain string // what a key with a tag begins with
	state atomic.Pointer[veilState]
	ctx   context.Context // of what runs by itself
	stop  context.CancelFunc
	work  sync.WaitGroup
	begin sync.Once

	mu     sync.Mutex
	flight *veilFlight
	known  map[string]struct{} // tags that were moved
	alone  *bool               // nobody listened to the bus before this instance did; nil: not known

	renamed sync.Map // sorted sets that were seen veiled
}

// A veilState is what the store's record says.
type veilState struct {
	record veilRecord
	veil   seal.Veil
	since  time.Time // from when on names are veiled, on this process's clock
}

// veilRecord is sealed in the store. Without a secret nothing is veiled.
type veilRecord struct {
	Secret []byte `json:"k,omitempty"`
	Since  int64  `json:"s,omitempty"` // on the store's clock, in milliseconds
	Done   bool   `json:"d,omitempty"` // nothing is left that is not veiled
}

type veilFlight struct {
	done chan struct{}
	err  error
}

const (
	veilMargin = 3 * time.Second // nothing is sent so shortly before names change: it could arrive afterwards
	veilLook   = 30 * time.Second
	veilKnown  = 100_000
)

// bare marks the context of commands that say their keys as they stand.
type bare struct{}

func unveiled(ctx context.Context) context.Context { return context.WithValue(ctx, bare{}, true) }

func newVeil(s *Store, of Veiling) *veil {
	v := &veil{Veiling: of, s: s, plain: s.prefix + ":{", known: map[string]struct{}{}}
	v.ctx, v.stop = context.WithCancel(unveiled(context.Background()))
	if len(of.Keys) == 0 {
		v.state.Store(&veilState{})
	}
	return v
}

func (v *veil) close() {
	v.mu.Lock()
	v.stop() // from here on nothing begins
	v.mu.Unlock()
	v.work.Wait()
}

// DialHook implements [redis.Hook].
func (v *veil) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (v *veil) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := v.cover(ctx, cmd); err != nil {
			cmd.SetErr(err)
			return err
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (v *veil) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if err := v.cover(ctx, cmds...); err != nil {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
			return err
		}
		return next(ctx, cmds)
	}
}

// cover has commands say the keys that stand in the store, when what they are about stands there.
func (v *veil) cover(ctx context.Context, cmds ...redis.Cmder) error {
	if st := v.state.Load(); st != nil && !st.on() || ctx.Value(bare{}) != nil {
		return nil
	}
	tags := map[string][]string{}
	for _, cmd := range cmds {
		for _, arg := range cmd.Args() {
			if tag, name, ok := v.cut(arg); ok {
				tags[tag] = append(tags[tag], name)
			}
		}
	}
	if len(tags) == 0 {
		return nil
	}
	st, err := v.active(ctx)
	if err != nil || st == nil {
		return err
	}
	for tag, names := range tags {
		if err := v.move(ctx, st, tag, names); err != nil {
			return err
		}
	}
	for _, cmd := range cmds {
		for i, arg := range cmd.Args() {
			if _, _, ok := v.cut(arg); ok {
				cmd.Args()[i] = v.spelled(st, arg.(string))
			}
		}
	}
	return nil
}

// cut reads a key with a tag that is not veiled.
func (v *veil) cut(arg any) (tag, name string, ok bool) {
	text, ok := arg.(string)
	if !ok {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(text, v.plain)
	if !ok {
		return "", "", false
	}
	tag, name, ok = strings.Cut(rest, "}:")
	if ok {
		_, ok = seal.DecodeExactly(tag, seal.TagSize)
	}
	return tag, name, ok
}

// spelled is a key as it stands in the store.
func (v *veil) spelled(st *veilState, key string) string {
	if tag, name, ok := v.cut(key); ok {
		if veiled, ok := st.veil.Tag(tag); ok {
			return v.s.Tagged(veiled, name)
		}
	}
	return key
}

// on reports whether names are veiled, or will be.
func (st *veilState) on() bool { return len(st.record.Secret) > 0 }

// now is the state if names are veiled at this moment, else nil.
func (v *veil) now() *veilState {
	if st := v.state.Load(); st != nil && st.on() && !time.Now().Before(st.since) {
		return st
	}
	return nil
}

// active is now, which asks the store where nothing is known, and waits where names are about to change.
func (v *veil) active(ctx context.Context) (*veilState, error) {
	st := v.state.Load()
	if st == nil {
		if err := v.load(ctx); err != nil {
			return nil, err
		}
		st = v.state.Load()
	}
	left := time.Until(st.since)
	switch {
	case !st.on() || left > veilMargin:
		return nil, nil
	case left > 0:
		pause(ctx, left)
	}
	return st, ctx.Err()
}

// load reads the record, or makes one. Who comes meanwhile waits for the same answer, as long as their own ctx.
func (v *veil) load(ctx context.Context) error {
	v.mu.Lock()
	f := v.flight
	if v.ctx.Err() != nil {
		v.mu.Unlock()
		return ErrUnavailable
	}
	if f == nil {
		f = &veilFlight{done: make(chan struct{})}
		v.flight = f
		v.work.Go(func() {
			ctx, cancel := context.WithTimeout(v.ctx, 3*readTimeout)
			defer cancel()
			f.err = v.look(ctx)
			v.mu.Lock()
			v.flight = nil
			v.mu.Unlock()
			close(f.done)
			if f.err == nil && v.s.kind != memory {
				v.begin.Do(func() { v.work.Go(v.watch) })
			}
		})
	}
	v.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look reads what the store says, and writes what it lacks: what this process goes by, or a new record.
func (v *veil) look(ctx context.Context) error {
	record, err := v.read(ctx)
	if errors.Is(err, ErrNotFound) {
		if st := v.state.Load(); st != nil { // the store lost it
			record = st.record
		} else if record, err = v.fresh(ctx); err != nil {
			return err
		}
		if err := v.write(ctx, v.Keys[len(v.Keys)-1], "", record); err != nil && !errors.Is(err, ErrConflict) {
			return err
		}
		record, err = v.read(ctx)
	}
	if err != nil {
		return err
	}
	was := v.state.Load()
	if was != nil && was.record.Since == record.Since && was.record.Done == record.Done &&
		slices.Equal(was.record.Secret, record.Secret) {
		return nil
	}
	st := &veilState{record: record}
	if st.on() {
		at, err := v.time(ctx)
		if err != nil {
			return err
		}
		st.veil = seal.NewVeil(record.Secret)
		st.since = time.Now().Add(time.UnixMilli(record.Since).Sub(at))
		if was == nil && record.Since > at.UnixMilli() {
			v.s.log.Info("names in the store will be veiled; instances of a version before find nobody then",
				"at", time.UnixMilli(record.Since).UTC())
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.known = map[string]struct{}{}
	v.state.Store(st)
	return nil
}

// read finds the record under any key of the ring, and puts it under the first.
func (v *veil) read(ctx context.Context) (record veilRecord, err error) {
	found := false
	for i, key := range v.Keys {
		value, err := v.s.Get(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return record, err
		}
		plain, err := v.Open(value)
		if err == nil {
			err = json.Unmarshal(plain, &record)
		}
		if err != nil {
			v.s.Warn("the record that says how names are veiled does not open: it was tampered with")
			return record, ErrUnavailable
		}
		if found = true; i > 0 {
			if err := v.write(ctx, v.Keys[0], "", record); err != nil && !errors.Is(err, ErrConflict) {
				return record, err
			}
		}
		break
	}
	if !found {
		return record, ErrNotFound
	}
	return record, nil
}

func (v *veil) write(ctx context.Context, key, expected string, record veilRecord) error {
	plain, err := json.Marshal(record)
	if err != nil {
		return err
	}
	_, err = v.s.RunDurably(ctx, Call{Script: "swap", Keys: Keys{"key": key},
		Args: Args{"expected": expected, "value": v.Seal(plain)}})
	return err
}

// fresh is the record of a store that has none. One that holds nothing yet veils nothing: ids are keyed since there are
// users, and there are none of before. One that holds something is veiled at once where no other instance listens to
// the bus, else when those of the version before may be expected to be gone.
func (v *veil) fresh(ctx context.Context) (record veilRecord, err error) {
	used, err := v.used(ctx)
	if err != nil || !used {
		return record, err
	}
	at, err := v.time(ctx)
	if err != nil {
		return record, err
	}
	v.mu.Lock()
	alone := v.alone
	v.mu.Unlock()
	if alone == nil && v.others(ctx) || alone != nil && !*alone {
		at = at.Add(v.Overlap)
	}
	return veilRecord{Secret: seal.Random(seal.VeilSize), Since: at.UnixMilli()}, nil
}

// time is what the store's clock says, or this process's where an access list does not let it be asked.
func (v *veil) time(ctx context.Context) (time.Time, error) {
	at, err := v.s.client.Time(ctx).Result()
	if redis.HasErrorPrefix(err, "NOPERM") {
		return time.Now(), nil
	}
	return at, v.s.fault(ctx, err)
}

// spelled is a key as it stands in the store now.
func (s *Store) spelled(key string) string {
	if st := s.veil.now(); st != nil {
		return s.veil.spelled(st, key)
	}
	return key
}

// Name is a name as it stands in the store's sorted sets.
func (s *Store) Name(ctx context.Context, name string) (string, error) {
	st, err := s.veil.active(ctx)
	if err != nil {
		return "", s.fault(ctx, err)
	}
	if st != nil && name != "" {
		return st.veil.Name(name), nil
	}
	return name, nil
}

// Veiled is Name for what is written down in passing: as it is where it is not known how it stands.
func (s *Store) Veiled(name string) string {
	if st := s.veil.now(); st != nil {
		return st.veil.Name(name)
	}
	return name
}

// Unname is the name that stands in the store as given; one that is not veiled is itself.
func (s *Store) Unname(ctx context.Context, name string) (string, error) {
	if !seal.IsVeiled(name) {
		return name, nil
	}
	st, err := s.veil.active(ctx)
	if err != nil {
		return "", s.fault(ctx, err)
	}
	if st != nil {
		if plain, ok := st.veil.Unname(name); ok {
			return plain, nil
		}
	}
	return "", ErrNotFound
}

func (s *Store) unnamed(ctx context.Context, names []string) (all []string, err error) {
	for _, name := range names {
		plain, err := s.Unname(ctx, name)
		if err == nil {
			all = append(all, plain)
		} else if !errors.Is(err, ErrNotFound) {
			return nil, err
		}
	}
	return all, nil
}
