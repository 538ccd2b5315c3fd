package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Report is what an operator should know of a store that works.
type Report struct {
	Server   string        // "redis 7.0.15 at 127.0.0.1:6379"
	Reached  time.Duration // one round trip over a connection that is open
	Warnings []string      // what it may do to sessions; each completes a sentence about the store
}

// Examine tries everything that serving needs of the store, for an operator. Its errors say what is wrong, wrap
// ErrUnavailable, and hold nothing of the store's URL but the address. What the server does not let itself be asked is
// left out of the report.
func (s *Store) Examine(ctx context.Context) (Report, error) {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return Report{}, s.refused(ctx, err)
	}
	began := time.Now()
	if err := s.client.Ping(ctx).Err(); err != nil {
		return Report{}, s.refused(ctx, err)
	}
	r := Report{Reached: time.Since(began)}
	switch _, err := s.spelling(ctx); {
	case errors.Is(err, ErrNames):
		return Report{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case err != nil:
		return Report{}, s.refused(ctx, err)
	}
	if err := s.tryCommands(ctx); err != nil {
		return Report{}, s.refused(ctx, err)
	}
	if s.kind == memory {
		r.Server = "inside this process"
		return r, nil
	}
	facts := s.facts(ctx)
	if s.kind != cluster && facts["redis_mode"] == "cluster" {
		return Report{}, s.refused(ctx, errMoved) // what it would say to most keys
	}
	r.Server = s.name(ctx, facts)
	r.Warnings = s.warnings(ctx, facts)
	return r, nil
}

// tryCommands does harmlessly what an access list or a replica may refuse: it runs a script that writes, and listens
// to the bus.
func (s *Store) tryCommands(ctx context.Context) error {
	probe := s.known["probe"].script
	if err := probe.Run(ctx, s.client, []string{s.Global("w")}).Err(); err != nil {
		return err
	}
	ps := s.client.Subscribe(ctx, s.Channel())
	defer func() { _ = ps.Close() }()
	_, err := received(ctx, ps)
	return err
}

// facts are the fields of INFO, of one server of a Cluster; none where it may not be asked.
func (s *Store) facts(ctx context.Context) map[string]string {
	all := map[string]string{}
	text, _ := s.client.Info(ctx).Result()
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			all[name] = value
		}
	}
	return all
}

func (s *Store) name(ctx context.Context, facts map[string]string) string {
	name := "redis"
	if facts["server_name"] == "valkey" {
		name, facts["redis_version"] = "valkey", facts["valkey_version"]
	}
	if version := facts["redis_version"]; version != "" {
		name += " " + version
	}
	switch c := s.client.(type) {
	case *redis.ClusterClient:
		n := 0
		if slots, err := c.ClusterShards(ctx).Result(); err == nil {
			n = len(slots)
		}
		return fmt.Sprintf("%s, a Cluster of %d", name, n)
	case *redis.Client:
		if s.kind == single {
			return name + " at " + c.Options().Addr
		}
		if me, err := c.ClientInfo(ctx).Result(); err == nil && me.LAddr != "" {
			return name + ", the master at " + me.LAddr
		}
	}
	return name
}

func (s *Store) warnings(ctx context.Context, facts map[string]string) (all []string) {
	if major, _, ok := strings.Cut(facts["redis_version"], "."); ok {
		if n, err := strconv.Atoi(major); err == nil && n < 7 {
			all = append(all, "is older than 7.0, the first that bff is tested with")
		}
	}
	if p := facts["maxmemory_policy"]; p != "" && p != "noeviction" && facts["maxmemory"] != "0" {
		all = append(all, "signs people out at random when its memory is full; "+
			"set `maxmemory-policy noeviction` instead of "+p)
	}
	if facts["aof_enabled"] == "0" {
		if save, err := s.client.ConfigGet(ctx, "save").Result(); err == nil && save["save"] == "" {
			all = append(all,
				"writes nothing to disk, so its restart signs everybody out; set `appendonly yes`")
		}
	}
	if now, err := s.client.Time(ctx).Result(); err == nil {
		if d := s.now().Sub(now).Abs(); d > ClockSkew/2 {
			all = append(all, "has a clock that is "+d.Round(time.Second).String()+" from this machine's; set both by NTP")
		}
	}
	return all
}

// ClockSkew is how far the clocks of instances may be apart without anybody being logged out by it.
const ClockSkew = 2 * time.Minute
