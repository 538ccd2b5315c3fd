package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/vault/seal"
)

// What is below a tag moves to where the veiled tag leads, in four steps, each of which may be done again and by
// several at once:
//
//	read what stands below the plain tag ─► carry it over, where nothing stands ─► mark ─► delete what was read
//
// Nothing is carried once the mark stands, nothing is deleted before, and nobody writes below the plain tag any more: so
// who is late carries what was there all the same, or nothing.

const (
	movedMark  = "m"                  // below the veiled tag
	movedLife  = 400 * 24 * time.Hour // of the mark: until all that stood below plain tags is gone
	moveWithin = 3 * time.Second
	scanPage   = 500
	scanProbe  = 40 // pages in which something of ours is looked for
)

// A carried is what stands at one key.
type carried struct {
	name, kind string
	life       time.Duration // negative: forever
	values     []string
}

// move brings what stands below a plain tag to the veiled one. names are further ones to look for.
func (v *veil) move(ctx context.Context, st *veilState, tag string, names []string) error {
	if st.record.Done {
		return nil
	}
	v.mu.Lock()
	_, known := v.known[tag]
	v.mu.Unlock()
	if known {
		return nil
	}
	ctx, cancel := context.WithTimeout(unveiled(context.WithoutCancel(ctx)), moveWithin)
	defer cancel()
	there, _ := st.veil.Tag(tag)
	mark := v.s.Tagged(there, movedMark)
	_, err := v.s.Get(ctx, mark)
	if err == nil {
		v.note(tag)
		return nil
	}
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	all, err := v.gather(ctx, tag, names)
	if err != nil || len(all) == 0 {
		return err
	}
	if err := v.carry(ctx, st, there, mark, all); err != nil {
		return err
	}
	if _, err := v.s.RunDurably(ctx, Call{Script: "moved", Keys: Keys{"mark": mark},
		Args: Args{"life": movedLife.Milliseconds()}}); err != nil {
		return err
	}
	v.note(tag)
	keys := make([]string, len(all))
	for i := range all {
		keys[i] = v.s.Tagged(tag, all[i].name)
	}
	_ = v.s.Delete(ctx, keys...) // else sweep does
	return nil
}

func (v *veil) note(tag string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.known) >= veilKnown {
		clear(v.known)
	}
	v.known[tag] = struct{}{}
}

// gather reads what stands below a plain tag: what stands alone, and then what the hashes name.
func (v *veil) gather(ctx context.Context, tag string, names []string) (all []carried, err error) {
	seen := map[string]bool{"": true}
	names = append(v.Below("", nil), names...)
	for len(names) > 0 {
		var fresh []string
		for _, name := range names {
			if !seen[name] {
				seen[name] = true
				fresh = append(fresh, name)
			}
		}
		found, err := v.readAll(ctx, tag, fresh)
		if err != nil {
			return nil, err
		}
		all, names = append(all, found...), nil
		for _, c := range found {
			if c.kind == "hash" {
				names = append(names, v.Below(c.name, c.fields())...)
			}
		}
	}
	return all, nil
}

func (c *carried) fields() map[string]string {
	all := map[string]string{}
	for i := 0; i+1 < len(c.values); i += 2 {
		all[c.values[i]] = c.values[i+1]
	}
	return all
}

// kindOf is what stands under a name, by the first letter.
func kindOf(name string) string {
	switch first, rest, _ := strings.Cut(name, ":"); {
	case first == "q" && rest != "":
		return "list"
	case first == "c", first == "b", first == "k", first == "i", first == "d", first == "o":
		return "hash"
	}
	return "string"
}

// readAll reads what stands under these names below a plain tag.
func (v *veil) readAll(ctx context.Context, tag string, names []string) (all []carried, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	pipe := v.s.client.Pipeline()
	reads, lives := make([]func() ([]string, error), len(names)), make([]*redis.DurationCmd, len(names))
	for i, name := range names {
		key := v.s.Tagged(tag, name)
		switch kindOf(name) {
		case "list":
			cmd := pipe.LRange(ctx, key, 0, -1)
			reads[i] = cmd.Result
		case "hash":
			cmd := pipe.HGetAll(ctx, key)
			reads[i] = func() (flat []string, err error) {
				fields, err := cmd.Result()
				for field, value := range fields {
					flat = append(flat, field, value)
				}
				return flat, err
			}
		default:
			cmd := pipe.Get(ctx, key)
			reads[i] = func() ([]string, error) {
				value, err := cmd.Result()
				return []string{value}, err
			}
		}
		lives[i] = pipe.PTTL(ctx, key)
	}
	exec(ctx, pipe)
	for i, name := range names {
		values, err := reads[i]()
		if errors.Is(err, redis.Nil) || err == nil && len(values) == 0 {
			continue
		}
		if err = errors.Join(err, lives[i].Err()); err != nil {
			return nil, v.s.fault(ctx, err)
		}
		if life := lives[i].Val(); life != -2 { // it ended in between
			all = append(all, carried{name, kindOf(name), life, values})
		}
	}
	return all, nil
}

// carry writes what was read below the veiled tag, where nothing stands and no mark.
func (v *veil) carry(ctx context.Context, st *veilState, there, mark string, all []carried) error {
	script := v.s.scripts["carry"].script
	pipe := v.s.client.Pipeline()
	for _, c := range all {
		args := []any{c.kind, c.life.Milliseconds()}
		if c.life < 0 {
			args[1] = -1
		}
		for _, value := range c.values {
			if c.kind == "list" {
				value = v.Rewrite(value, st.veil.Name)
			}
			args = append(args, value)
		}
		script.Eval(ctx, pipe, []string{v.s.Tagged(there, c.name), mark}, args...)
	}
	for _, cmd := range exec(ctx, pipe) {
		if err := cmd.Err(); err != nil {
			return v.s.fault(ctx, err)
		}
	}
	return nil
}

// watch looks at the record now and then, and has everything move.
func (v *veil) watch() {
	pause(v.ctx, time.Duration(seal.Random(1)[0])*time.Millisecond)
	for v.ctx.Err() == nil {
		if st := v.now(); st != nil && !st.record.Done {
			v.sweepAll(st)
		}
		wait := veilLook
		if st := v.state.Load(); st.on() && !st.record.Done {
			if left := time.Until(st.since); left > 0 {
				wait = min(wait, left)
			}
		}
		pause(v.ctx, wait)
		if v.ctx.Err() == nil {
			ctx, cancel := context.WithTimeout(v.ctx, moveWithin)
			_ = v.look(ctx) // else the next time
			cancel()
		}
	}
}

// sweepAll goes through the whole store until nothing is left that is not veiled, and says so in the record.
func (v *veil) sweepAll(st *veilState) {
	for v.ctx.Err() == nil {
		left, err := v.sweep(st)
		if err != nil {
			v.s.log.Debug("going through the store", "error", err)
			return // the next look begins again
		}
		if left > 0 {
			continue
		}
		done := st.record
		done.Done = true
		for _, key := range v.Keys {
			value, err := v.s.Get(v.ctx, key)
			if err == nil {
				_ = v.write(v.ctx, key, value, done)
			}
		}
		v.s.log.Info("names in the store are veiled")
		return
	}
}

// sweep goes through the store once, and says how much it found that is not veiled.
func (v *veil) sweep(st *veilState) (left int, err error) {
	for _, set := range v.Sets {
		n, err := v.rename(v.ctx, st, set)
		if left += n; err != nil {
			return left, err
		}
	}
	var mu sync.Mutex
	err = v.masters(v.ctx, func(ctx context.Context, node redis.Cmdable) error {
		for cursor := uint64(0); ; {
			keys, next, err := node.Scan(ctx, cursor, v.plain+"*", scanPage).Result()
			if err != nil {
				return err
			}
			n, err := v.sweepPage(ctx, st, keys)
			mu.Lock()
			left += n
			mu.Unlock()
			if cursor = next; err != nil || cursor == 0 {
				return err
			}
			pause(ctx, time.Millisecond)
		}
	})
	return left, err
}

// sweepPage moves those whose keys these are. What is left below the plain tag of who moved before is deleted.
func (v *veil) sweepPage(ctx context.Context, st *veilState, keys []string) (n int, err error) {
	tags := map[string][]string{}
	for _, key := range keys {
		if tag, name, ok := v.cut(key); ok && !strings.HasPrefix(name, "w") {
			tags[tag] = append(tags[tag], name)
		}
	}
	for tag, names := range tags {
		if n++; ctx.Err() != nil {
			return n, ctx.Err()
		}
		if err := v.move(ctx, st, tag, names); err != nil {
			return n, err
		}
		v.mu.Lock()
		_, moved := v.known[tag]
		v.mu.Unlock()
		if !moved {
			continue
		}
		stale := make([]string, len(names))
		for i, name := range names {
			stale[i] = v.s.Tagged(tag, name)
		}
		if err := v.s.Delete(ctx, stale...); err != nil {
			return n, err
		}
	}
	return n, nil
}

// rename veils the members of a sorted set, and says how many there were to veil.
func (v *veil) rename(ctx context.Context, st *veilState, set string) (n int, err error) {
	for cursor := uint64(0); ; {
		flat, next, err := v.s.client.ZScan(ctx, set, cursor, "", scanPage).Result()
		if err != nil {
			return n, v.s.fault(ctx, err)
		}
		for i := 0; i+1 < len(flat); i += 2 {
			if seal.IsVeiled(flat[i]) {
				continue
			}
			n++
			if _, err := v.s.Run(ctx, Call{Script: "rename", Keys: Keys{"set": set},
				Args: Args{"member": flat[i], "name": st.veil.Name(flat[i])}}); err != nil && !errors.Is(err, ErrNotFound) {
				return n, err
			}
		}
		if cursor = next; cursor == 0 {
			return n, nil
		}
	}
}

// renameOnce is rename for a set that this process has not yet seen veiled.
func (v *veil) renameOnce(ctx context.Context, set string) error {
	st, err := v.active(ctx)
	if err != nil || st == nil || st.record.Done {
		return v.s.fault(ctx, err)
	}
	if _, done := v.renamed.Load(set); done {
		return nil
	}
	if _, err := v.rename(unveiled(ctx), st, set); err != nil {
		return err
	}
	v.renamed.Store(set, true)
	return nil
}

// masters calls f for every server that holds keys.
func (v *veil) masters(ctx context.Context, f func(ctx context.Context, node redis.Cmdable) error) error {
	if c, ok := v.s.client.(*redis.ClusterClient); ok {
		return c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return f(ctx, node) })
	}
	return f(ctx, v.s.client)
}

// used says whether the store holds anything of ours. One that is too full of other things to tell does.
func (v *veil) used(ctx context.Context) (bool, error) {
	if v.s.kind == memory {
		return false, nil
	}
	for _, set := range v.Sets {
		if n, err := v.s.client.ZCard(ctx, set).Result(); err != nil || n > 0 {
			return n > 0, v.s.fault(ctx, err)
		}
	}
	var mu sync.Mutex
	found := false
	err := v.masters(ctx, func(ctx context.Context, node redis.Cmdable) error {
		cursor, some := uint64(0), true
		for range scanProbe {
			keys, next, err := node.Scan(ctx, cursor, v.plain+"*", 2*scanPage).Result()
			if err != nil {
				return err
			}
			ours := func(key string) bool {
				_, name, ok := v.cut(key)
				return ok && !strings.HasPrefix(name, "w") // which is a probe's
			}
			if cursor = next; slices.ContainsFunc(keys, ours) {
				break
			}
			if cursor == 0 {
				some = false
				break
			}
		}
		mu.Lock()
		defer mu.Unlock()
		found = found || some
		return nil
	})
	return found, v.s.fault(ctx, err)
}

// listens is called before this instance listens to the bus: it notes whether others do.
func (v *veil) listens(ctx context.Context) {
	if v.state.Load() != nil {
		return
	}
	alone := !v.others(unveiled(ctx))
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.alone == nil {
		v.alone = &alone
	}
}

// others says whether another instance may be listening to the bus.
func (v *veil) others(ctx context.Context) bool {
	var mu sync.Mutex
	n := int64(0)
	err := v.masters(ctx, func(ctx context.Context, node redis.Cmdable) error {
		counts, err := node.PubSubNumSub(ctx, v.s.Channel()).Result()
		mu.Lock()
		defer mu.Unlock()
		n += counts[v.s.Channel()]
		return err
	})
	return err != nil || n > 0
}
