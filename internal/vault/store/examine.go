package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
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
	r.Server = s.server(ctx, facts)
	r.Warnings = s.warnings(ctx, facts)
	return r, nil
}

// tryCommands does harmlessly what an access list or a replica may refuse: it runs a script that writes, and listens
// to the bus.
func (s *Store) tryCommands(ctx context.Context) error {
	probe := s.scripts["probe"].script
	if err := probe.Run(ctx, s.client, []string{s.Global("w")}).Err(); err != nil {
		return err
	}
	ps := s.client.Subscribe(ctx, s.Global("bus"))
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

func (s *Store) server(ctx context.Context, facts map[string]string) string {
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

// refused says what stands between bff and its store.
func (s *Store) refused(ctx context.Context, err error) error {
	if s.tls() && timedOut(err) {
		if slow := s.handshake(ctx); slow != nil {
			err = slow
		}
	}
	return fmt.Errorf("%w: %s", ErrUnavailable, s.reason(err))
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// patience is how long an operator waits for the reason of a handshake that took too long for serving.
const patience = 5 * time.Second

// handshake says what a handshake with the first server comes to that has time: one that bff gave up in the middle
// says nothing of the certificate.
func (s *Store) handshake(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := (&tls.Dialer{Config: s.options.TLSConfig}).DialContext(ctx, "tcp", s.options.Addrs[0])
	if err != nil {
		return err
	}
	return conn.Close()
}

func (s *Store) reason(err error) string {
	if text := s.said(err); text != "" {
		return text
	}
	return s.unreached(err)
}

// said is what the server's own words mean, or "" for none that are known.
func (s *Store) said(err error) string {
	text := err.Error()
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("NOAUTH"):
		return "it wants a password; write it into the URL, as redis://:password@host or redis://user:password@host"
	case has("WRONGPASS", "invalid password"):
		return "it knows no such user with this password"
	case has("NOPERM"):
		return "its access list forbids this user what bff needs; allow `~" + s.prefix + ":*` and `&" + s.prefix +
			":*` with the commands that docs/store.md names"
	case has("DB index is out of range"):
		return "it has no database of this number"
	case has("cluster support disabled"):
		return "it is a single server and no Cluster; write redis:// in front"
	case has("MOVED", "CROSSSLOT", "not allowed in cluster mode"):
		return "it belongs to a Cluster; write redis+cluster:// in front"
	case has("unknown command 'sentinel'"):
		return "what answers there is no Sentinel; write its port (26379 by default), or redis:// for a single server"
	case s.kind == sentinel && errors.Is(err, redis.Nil), has("No such master"):
		return "the Sentinels know no master of this name"
	case has("READONLY"):
		return "it is a replica, and takes no writes; write the master's address"
	case has("LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY "):
		return "it answers, but not yet; try again in a moment"
	case has("OOM "):
		return "its memory is full, and it takes no writes; give it more, or a higher `maxmemory`"
	case has("MISCONF"):
		return "it cannot save to its disk, and takes no writes; its own log says why"
	case has("NOREPLICAS"):
		return "it has too few replicas to take writes (`min-replicas-to-write`)"
	case has("invalid reply", "can't parse"):
		return "what answers there is not Redis"
	}
	return ""
}

func (s *Store) tls() bool { return s.options != nil && s.options.TLSConfig != nil }

// ClockSkew is how far the clocks of instances may be apart without anybody being logged out by it.
const ClockSkew = 2 * time.Minute

var errMoved = errors.New("MOVED")

// unreached is reason where the network had the last word.
func (s *Store) unreached(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var record tls.RecordHeaderError
	var cert *tls.CertificateVerificationError
	at := ""
	if errors.As(err, &op) && op.Addr != nil {
		at = " at " + op.Addr.String()
	}
	switch {
	case errors.As(err, &cert), errors.As(err, new(x509.UnknownAuthorityError)),
		errors.As(err, new(x509.HostnameError)):
		return "its certificate is not one that this machine trusts for that name"
	case errors.As(err, &record), s.tls() && timedOut(err):
		return "it does not answer in TLS; is it a plain redis://?"
	case errors.As(err, &dns):
		return "its host name is not known"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens" + at + "; is it running?"
	case errors.Is(err, os.ErrNotExist):
		return "there is no socket" + at
	case errors.Is(err, os.ErrPermission):
		return "this user may not open the socket" + at
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), strings.HasSuffix(err.Error(), "EOF"):
		return "it hangs up; does it want TLS (rediss://)?"
	}
	return "it does not answer in time; is the address right, and can this machine reach it?"
}
