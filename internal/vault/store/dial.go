package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"bff/internal/vault/seal"
)

// Budgets of one command. A store that is slower than this counts as down: a caller gets a 503 rather than being kept.
const (
	dialTimeout = 500 * time.Millisecond
	readTimeout = time.Second

	memoryTimeout = 10 * time.Second // of the store inside the process
)

// Parse says what is wrong with a store URL, without repeating it: it may hold a password.
func Parse(url string) error {
	_, _, err := parse(url)
	return err
}

type kind int

const (
	single kind = iota
	sentinel
	cluster
	memory
)

var errStoreURL = errors.New("not a store: write redis://host:6379/0, rediss://…, unix:///path/redis.sock, " +
	"redis+sentinel://h1:26379,h2:26379/master/0, memory: or redis+cluster://h1:6379,h2:6379")

func parse(store string) (*redis.UniversalOptions, kind, error) {
	if store == "memory:" {
		return nil, memory, nil
	}
	scheme, rest, ok := strings.Cut(store, "://")
	if !ok {
		return nil, 0, errStoreURL
	}
	switch scheme {
	case "redis", "rediss", "unix":
		o, err := redis.ParseURL(store)
		if err != nil || o.DB < 0 || !knownQuery(store, "db") {
			return nil, 0, errStoreURL // its text may hold the password
		}
		return &redis.UniversalOptions{Addrs: []string{o.Addr}, DB: o.DB, Username: o.Username, Password: o.Password,
			TLSConfig: o.TLSConfig}, single, nil
	case "redis+sentinel", "rediss+sentinel":
		return parseMany(rest, sentinel, scheme)
	case "redis+cluster", "rediss+cluster":
		return parseMany(rest, cluster, scheme)
	}
	return nil, 0, errStoreURL
}

// knownQuery says whether the URL's query has nothing but the known parameters: one that is ignored would be a setting
// that does nothing.
func knownQuery(store string, known ...string) bool {
	_, query, _ := strings.Cut(store, "?")
	q, err := url.ParseQuery(query)
	for name := range q {
		if !slices.Contains(known, name) {
			return false
		}
	}
	return err == nil
}

// parseMany reads [user:pass@]h1[:p1],h2[:p2][/master[/db]][?…], which net/url refuses.
func parseMany(rest string, kind kind, scheme string) (*redis.UniversalOptions, kind, error) {
	o := &redis.UniversalOptions{}
	known, port := []string{}, "6379"
	if kind == sentinel {
		known, port = []string{"sentinel_username", "sentinel_password"}, "26379"
	}
	if !knownQuery(rest, known...) {
		return nil, 0, errStoreURL
	}
	rest, query, _ := strings.Cut(rest, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		return nil, 0, errStoreURL
	}
	o.SentinelUsername, o.SentinelPassword = q.Get("sentinel_username"), q.Get("sentinel_password")
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		user, pass, _ := strings.Cut(rest[:at], ":")
		var err1, err2 error
		o.Username, err1 = url.PathUnescape(user)
		o.Password, err2 = url.PathUnescape(pass)
		if err1 != nil || err2 != nil {
			return nil, 0, errStoreURL
		}
		rest = rest[at+1:]
	}
	hosts, path, _ := strings.Cut(rest, "/")
	for _, h := range strings.Split(hosts, ",") {
		addr, ok := hostPort(h, port)
		if !ok {
			return nil, 0, errStoreURL
		}
		o.Addrs = append(o.Addrs, addr)
	}
	if o.MasterName, o.DB, err = parsePath(path, kind); err != nil {
		return nil, 0, err
	}
	if strings.HasPrefix(scheme, "rediss") {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return o, kind, nil
}

// hostPort reads host, host:port, [v6] and [v6]:port.
func hostPort(s, port string) (addr string, ok bool) {
	if !strings.Contains(s, ":") || strings.HasSuffix(s, "]") {
		s += ":" + port
	}
	host, p, err := net.SplitHostPort(s)
	n, perr := strconv.ParseUint(p, 10, 16)
	return s, err == nil && perr == nil && n > 0 && host != "" && !strings.ContainsAny(host, " \t\r\n@")
}

// parsePath reads what is behind the hosts: master[/db] of a sentinel, nothing or 0 of a cluster, which has no
// databases.
func parsePath(path string, kind kind) (master string, db int, err error) {
	if kind == cluster {
		if path != "" && path != "0" {
			return "", 0, errStoreURL
		}
		return "", 0, nil
	}
	master, number, _ := strings.Cut(path, "/")
	if master == "" {
		return "", 0, fmt.Errorf("%w; the master's name is missing", errStoreURL)
	}
	if number != "" {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return "", 0, errStoreURL
		}
		db = int(n)
	}
	return master, db, nil
}

// dial makes the client. It contacts nobody.
func dial(store string) (redis.UniversalClient, func() error, error) {
	o, kind, err := parse(store)
	if err != nil {
		return nil, nil, err
	}
	if kind == memory {
		return dialMemory()
	}
	budget(o)
	var client redis.UniversalClient
	switch kind {
	case cluster:
		client = redis.NewClusterClient(o.Cluster())
	case sentinel:
		client = redis.NewFailoverClient(o.Failover())
	default:
		client = redis.NewClient(o.Simple())
	}
	return client, client.Close, nil
}

func budget(o *redis.UniversalOptions) {
	o.ContextTimeoutEnabled = true // else go-redis ignores deadlines on sockets
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = dialTimeout, readTimeout, readTimeout
	o.PoolTimeout = readTimeout
	o.DialerRetries = 1
	o.MaxRetries = 1 // once, and safe: every script is idempotent by version
	o.MinRetryBackoff, o.MaxRetryBackoff = 8*time.Millisecond, 64*time.Millisecond
	o.PoolSize = 64
	o.PipelinePoolSize = -1 // one pool: a call is one pipeline
	o.MaxRedirects = 5
	o.Dialer = boundedDialer(o)
}

// dialMemory runs a store inside the process, for `bff dev` and tests: nothing survives it. It speaks over loopback
// behind a random password.
func dialMemory() (redis.UniversalClient, func() error, error) {
	m := miniredis.NewMiniRedis()
	password := seal.Encode(seal.Random(24))
	m.RequireAuth(password)
	if err := m.Start(); err != nil {
		return nil, nil, fmt.Errorf("start the embedded store: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { // its clock stands still unless it is pushed
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				m.FastForward(now.Sub(last))
				last = now
			}
		}
	}()
	o := &redis.UniversalOptions{Addrs: []string{m.Addr()}, Password: password}
	budget(o)
	// It cannot be away: an answer that comes late tells of a busy machine, and never of an outage.
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = memoryTimeout, memoryTimeout, memoryTimeout, memoryTimeout
	client := redis.NewClient(o.Simple())
	return client, func() error {
		stop()
		<-done
		err := client.Close()
		m.Close()
		return err
	}, nil
}
