package testenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Sentinels is one master, its replicas, and three sentinels that watch them.
type Sentinels struct {
	URL     string         // redis+sentinel://h1,h2,h3/main/0
	Servers []*RedisServer // the first one was the master at the start

	tb    testing.TB
	addrs []string
}

const masterName = "main"

// Sentinel starts a master with replicas and three sentinels that take a master for dead after half a second.
func Sentinel(tb testing.TB, replicas int) *Sentinels {
	tb.Helper()
	s := &Sentinels{tb: tb, Servers: []*RedisServer{Redis(tb)}}
	host, port, _ := strings.Cut(s.Servers[0].Addr, ":")
	for range replicas {
		s.Servers = append(s.Servers, Redis(tb, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0"))
	}
	master := s.Servers[0].Client()
	Eventually(tb, "the replicas follow", func() bool {
		info, err := master.Info(context.Background(), "replication").Result()
		return err == nil && strings.Count(info, "state=online") == replicas
	})
	for range 3 {
		s.watch(host, port)
	}
	s.URL = "redis+sentinel://" + strings.Join(s.addrs, ",") + "/" + masterName + "/0"
	for _, addr := range s.addrs {
		c := redis.NewSentinelClient(&redis.Options{Addr: addr})
		tb.Cleanup(func() { _ = c.Close() })
		Eventually(tb, "the sentinels know each other and the replicas", func() bool {
			m, err := c.Master(context.Background(), masterName).Result()
			return err == nil && m["num-other-sentinels"] == "2" && m["num-slaves"] == strconv.Itoa(replicas)
		})
	}
	return s
}

// watch starts one sentinel. It writes its own state into its configuration, so it needs a file of its own.
func (s *Sentinels) watch(host, port string) {
	s.tb.Helper()
	dir := s.tb.TempDir()
	addr := FreePort(s.tb)
	file := filepath.Join(dir, "sentinel.conf")
	conf := fmt.Sprintf(
		"port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s %s %s 2\nsentinel down-after-milliseconds %[3]s 500\n"+
			"sentinel failover-timeout %[3]s 3000\nsentinel parallel-syncs %[3]s 2\n",
		addr,
		dir,
		masterName,
		host,
		port,
	)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		s.tb.Fatal(err)
	}
	p := launch(s.tb, dir, nil, "redis-server", file, "--sentinel")
	s.addrs = append(s.addrs, hostPort(addr))
	p.waitFor("answers", func() bool { return pong(hostPort(addr)) })
}

// Master is the server that the sentinels call the master now.
func (s *Sentinels) Master() *RedisServer {
	s.tb.Helper()
	c := redis.NewSentinelClient(&redis.Options{Addr: s.addrs[0]})
	defer c.Close()
	at, err := c.GetMasterAddrByName(context.Background(), masterName).Result()
	if err != nil || len(at) != 2 {
		s.tb.Fatalf("who is the master: %v %v", at, err)
	}
	for _, r := range s.Servers {
		if r.Addr == at[0]+":"+at[1] {
			return r
		}
	}
	s.tb.Fatalf("the master %v is none of ours", at)
	return nil
}

// Failover has the sentinels promote a replica while the old master lives, and waits until they did.
func (s *Sentinels) Failover() {
	s.tb.Helper()
	old := s.Master()
	c := redis.NewSentinelClient(&redis.Options{Addr: s.addrs[0]})
	defer c.Close()
	Eventually(
		s.tb,
		"a sentinel takes the order",
		func() bool { return c.Failover(context.Background(), masterName).Err() == nil },
	)
	s.AwaitNewMaster(old)
}

// AwaitNewMaster waits until another server than old is the master, after a test killed or froze it. A sentinel that
// was kept from running for two seconds stands still for thirty (it calls that TILT), so on a busy machine this may
// take long.
func (s *Sentinels) AwaitNewMaster(old *RedisServer) {
	s.tb.Helper()
	within(s.tb, 2*time.Minute, "another master", func() bool {
		now := s.Master()
		if now == old {
			return false
		}
		c := now.client()
		defer c.Close()
		role, err := c.Do(context.Background(), "ROLE").Slice()
		return err == nil && len(role) > 0 && role[0] == "master"
	})
}
