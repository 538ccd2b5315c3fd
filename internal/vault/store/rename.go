package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"bff/internal/vault/seal"
)

// A Renaming moves what a store holds from one layout to the other, while no instance runs. It is done again until it is
// done: a key is in its old place, in its new one, or, where a Cluster's key was copied and not yet deleted, in both with
// one value.
type Renaming struct {
	Names *seal.Names
	Back  bool                                                // from names that are spelled to names as they are
	Knows func(value string) bool                             // the keys of this ring may have sealed it
	Item  func(names func(string) string, item string) string // an item of a queue, with its user's id in the other layout
}

// Renamed says what a renaming found. Twice are keys that stand in both places with different values: they stay.
type Renamed struct{ Names, Unreadable, Twice int }

// ErrListening: an instance listens on the bus.
var ErrListening = errors.New("an instance runs on this store")

// Listening is how many instances of any version listen on the bus.
func (s *Store) Listening(ctx context.Context) (int, error) {
	var mu sync.Mutex
	n := 0
	ask := func(ctx context.Context, c *redis.Client) error {
		at, err := c.PubSubNumSub(ctx, s.Channel()).Result()
		mu.Lock()
		defer mu.Unlock()
		n += int(at[s.Channel()])
		return err
	}
	var err error
	switch c := s.client.(type) {
	case *redis.ClusterClient:
		err = c.ForEachShard(ctx, ask)
	case *redis.Client:
		err = ask(ctx, c)
	}
	return n, s.fault(ctx, err)
}

// Quiet returns nil where no instance listens on the bus, ErrListening where one does, and what kept it from being known
// where that cannot be asked.
func (s *Store) Quiet(ctx context.Context) error {
	n, err := s.Listening(ctx)
	if err == nil && n > 0 {
		return ErrListening
	}
	return err
}

// Survey counts what there is to rename.
func (s *Store) Survey(ctx context.Context, r Renaming) (found Renamed, err error) {
	return s.rename(ctx, r, func(ctx context.Context, m *mover, key, _ string) error {
		unreadable, err := m.unreadable(ctx, key)
		if unreadable {
			m.found.Unreadable++
		}
		m.found.Names++
		return err
	})
}

// Rename moves all of it. ErrListening as soon as an instance runs.
func (s *Store) Rename(ctx context.Context, r Renaming) (Renamed, error) {
	return s.rename(ctx, r, func(ctx context.Context, m *mover, key, to string) error { return m.move(ctx, key, to) })
}

// A mover renames over a client of its own, which no fence keeps to one layout.
type mover struct {
	Renaming
	s      *Store
	client redis.UniversalClient
	found  Renamed
}

func (s *Store) rename(
	ctx context.Context,
	r Renaming,
	f func(ctx context.Context, m *mover, key, to string) error,
) (Renamed, error) {
	if s.kind == memory {
		return Renamed{}, nil
	}
	client, closer, err := s.bare()
	if err != nil {
		return Renamed{}, err
	}
	defer func() { _ = closer() }()
	m := &mover{Renaming: r, s: s, client: client}
	err = m.scan(ctx, func(keys []string) error {
		if err := s.Quiet(ctx); err != nil {
			return err
		}
		for _, key := range keys {
			if to := m.target(key); to != "" {
				if err := f(ctx, m, key, to); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if errors.Is(err, ErrListening) {
		return m.found, err
	}
	return m.found, s.fault(ctx, err)
}

// globEscaped has every character of a pattern of SCAN mean itself.
func globEscaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}

// scan calls f with the keys below the prefix, a few hundred at a time.
func (m *mover) scan(ctx context.Context, f func(keys []string) error) error {
	var mu sync.Mutex
	one := func(ctx context.Context, c *redis.Client) error {
		for cursor := uint64(0); ; {
			keys, next, err := c.Scan(ctx, cursor, globEscaped(m.s.below)+"*", 500).Result()
			if err == nil {
				mu.Lock()
				err = f(keys)
				mu.Unlock()
			}
			if cursor = next; err != nil || next == 0 {
				return err
			}
		}
	}
	switch c := m.client.(type) {
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, one)
	case *redis.Client:
		return one(ctx, c)
	}
	return nil
}

// keyForm is what keys look like behind the prefix and its colon. Whatever does not is not touched: it may belong to
// another product.
func keyForm() *regexp.Regexp {
	return regexp.MustCompile(`^(\{([A-Za-z0-9_-]{22})\}:(.+)|[a-z]:[A-Za-z0-9_-]{22}|[a-z]|users|q:[A-Za-z0-9]+)$`)
}

// target is a key's name in the other layout, "" for one that stays.
func (m *mover) target(key string) string {
	rest := strings.TrimPrefix(key, m.s.below)
	rest, spelled := strings.CutPrefix(rest, "v:")
	found := keyForm().FindStringSubmatch(rest)
	if spelled != m.Back || found == nil || rest == "v" {
		return ""
	}
	to := m.s.below
	if !m.Back {
		to += "v:"
	}
	if found[2] == "" {
		return to + rest
	}
	return to + "{" + m.tag(found[2]) + "}:" + found[3]
}

func (m *mover) tag(tag string) string {
	if m.Back {
		return m.Names.TagOf(tag)
	}
	return m.Names.Tag(tag)
}

func (m *mover) id(id string) string {
	if m.Back {
		return m.Names.IDOf(id)
	}
	return m.Names.ID(id)
}

// unreadable says whether a key holds something that was sealed under a key that the ring lacks.
func (m *mover) unreadable(ctx context.Context, key string) (bool, error) {
	values, err := m.values(ctx, key)
	for _, value := range values {
		if strings.Contains(key, "}:i") && len(value) > locationSize { // an index entry begins with where its session is
			value = value[locationSize:]
		}
		if !m.Knows(value) {
			return true, err
		}
	}
	return false, err
}

const locationSize = 22

// values are those of a string or a hash.
func (m *mover) values(ctx context.Context, key string) ([]string, error) {
	kind, err := m.client.Type(ctx, key).Result()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "string":
		value, err := m.client.Get(ctx, key).Result()
		return []string{value}, unlessNil(err)
	case "hash":
		all, err := m.client.HGetAll(ctx, key).Result()
		return slices.Collect(maps.Values(all)), err
	}
	return nil, nil
}

func unlessNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// move brings one key to its new place.
func (m *mover) move(ctx context.Context, key, to string) error {
	rest := strings.TrimPrefix(strings.TrimPrefix(key, m.s.below), "v:")
	switch {
	case rest == "o" || strings.HasPrefix(rest, "q:"):
		return m.members(ctx, key, to, m.tag)
	case rest == "users":
		return m.members(ctx, key, to, m.id)
	case strings.Contains(rest, "}:q:"):
		return m.items(ctx, key, to)
	}
	var err error
	var moved bool
	if _, spread := m.client.(*redis.ClusterClient); spread {
		moved, err = m.carry(ctx, key, to)
	} else {
		moved, err = m.client.RenameNX(ctx, key, to).Result()
		if err != nil && strings.Contains(err.Error(), "no such key") {
			return nil // it ended
		}
	}
	if err == nil && !moved {
		return m.settle(ctx, key, to)
	}
	if moved {
		m.found.Names++
	}
	return err
}

// carry copies a key to another slot and deletes it: never before a replica of the other server has the copy.
func (m *mover) carry(ctx context.Context, key, to string) (moved bool, err error) {
	value, err := m.client.Dump(ctx, key).Result()
	if errors.Is(err, redis.Nil) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	life, err := m.client.PTTL(ctx, key).Result()
	if err != nil || life == -2 {
		return err == nil, err
	}
	err = m.durably(ctx, to, func(p redis.Pipeliner) { p.Restore(ctx, to, max(life, 0), value) })
	if redis.HasErrorPrefix(err, "BUSYKEY") {
		return false, nil
	}
	if err == nil {
		err = m.client.Del(ctx, key).Err()
	}
	return err == nil, err
}

// durably writes to the server that holds key, and waits for one of its replicas where it has any.
func (m *mover) durably(ctx context.Context, key string, write func(redis.Pipeliner)) error {
	c, ok := m.client.(*redis.ClusterClient)
	if !ok {
		_, err := m.client.Pipelined(ctx, func(p redis.Pipeliner) error { write(p); return nil })
		return err
	}
	node, err := c.MasterForKey(ctx, key)
	if err != nil {
		return err
	}
	var waited *redis.Cmd
	_, err = node.Pipelined(ctx, func(p redis.Pipeliner) error {
		write(p)
		waited = p.Do(ctx, "WAIT", 1, replicaWait.Milliseconds())
		return nil
	})
	if n, _ := waited.Int(); err == nil && n < 1 && m.s.replicas.count(ctx, node) > 0 {
		return errors.New("no replica confirmed a copy in time")
	}
	return err
}

// settle ends what stands in both places: with one value, the old one goes; with two, both stay, and are counted.
func (m *mover) settle(ctx context.Context, key, to string) error {
	here, err := m.content(ctx, key)
	if err != nil {
		return err
	}
	there, err := m.content(ctx, to)
	if err != nil {
		return err
	}
	if !maps.Equal(here, there) {
		m.found.Twice++
		return nil
	}
	m.found.Names++
	return m.client.Del(ctx, key).Err()
}

// content is all of a key, in one shape.
func (m *mover) content(ctx context.Context, key string) (map[string]string, error) {
	kind, err := m.client.Type(ctx, key).Result()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "hash":
		return m.client.HGetAll(ctx, key).Result()
	case "list":
		items, err := m.client.LRange(ctx, key, 0, -1).Result()
		all := map[string]string{}
		for i, item := range items {
			all[fmt.Sprint(i)] = item
		}
		return all, err
	case "string":
		value, err := m.client.Get(ctx, key).Result()
		return map[string]string{"": value}, unlessNil(err)
	}
	return map[string]string{"none of these": kind}, nil
}

// members moves a sorted set, each member under its other name; of one that stands in both, the earlier time counts.
func (m *mover) members(ctx context.Context, key, to string, name func(string) string) error {
	for {
		some, err := m.client.ZRangeWithScores(ctx, key, 0, 499).Result()
		if err != nil || len(some) == 0 {
			return err
		}
		old := make([]any, len(some))
		for i := range some {
			member, _ := some[i].Member.(string)
			old[i], some[i].Member = member, name(member)
		}
		add := redis.ZAddArgs{LT: true, Members: some}
		if err := m.durably(ctx, to, func(p redis.Pipeliner) { p.ZAddArgs(ctx, to, add) }); err != nil {
			return err
		}
		if err := m.client.ZRem(ctx, key, old...).Err(); err != nil {
			return err
		}
		m.found.Names++
	}
}

// items moves a queue of events, each item with its user's id under its other name.
func (m *mover) items(ctx context.Context, key, to string) error {
	items, err := m.client.LRange(ctx, key, 0, -1).Result()
	if err != nil || len(items) == 0 {
		return err
	}
	for i := range items {
		items[i] = m.Item(m.id, items[i])
	}
	there, err := m.client.LRange(ctx, to, 0, -1).Result()
	if err != nil {
		return err
	}
	if len(there) > 0 && !slices.Equal(there, items) {
		m.found.Twice++
		return nil
	}
	if len(there) == 0 {
		all := make([]any, len(items))
		for i := range items {
			all[i] = items[i]
		}
		if err := m.durably(ctx, to, func(p redis.Pipeliner) { p.RPush(ctx, to, all...) }); err != nil {
			return err
		}
	}
	m.found.Names++
	return m.client.Del(ctx, key).Err()
}
