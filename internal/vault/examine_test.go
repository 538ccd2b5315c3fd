package vault_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// What a working store is, and what it may do to sessions.
func TestExamineSaysWhatAStoreMayDo(t *testing.T) {
	plain := testenv.Redis(t)
	r, err := open(t, plain.URL).Examine(t.Context())
	if err != nil || !strings.HasPrefix(r.Server, "redis ") || !strings.HasSuffix(r.Server, " at "+plain.Addr) ||
		r.Reached <= 0 {
		t.Errorf("a plain server is %+v, %v", r, err)
	}
	if !slices.Equal(
		r.Warnings,
		[]string{"writes nothing to disk, so its restart signs everybody out; set `appendonly yes`"},
	) {
		t.Errorf("of a server without persistence the report is %q", r.Warnings)
	}
	if keys, err := plain.Client().Keys(t.Context(), "*").Result(); err != nil || len(keys) != 0 {
		t.Errorf("the look at it left %q, %v", keys, err)
	}

	full := testenv.Redis(t, "--appendonly", "yes", "--maxmemory", "64mb", "--maxmemory-policy", "volatile-lru")
	r, err = open(t, full.URL).Examine(t.Context())
	if want := []string{"signs people out at random when its memory is full; set `maxmemory-policy noeviction` instead of volatile-lru"}; err != nil ||
		!slices.Equal(r.Warnings, want) {
		t.Errorf("of a server that evicts the report is %q, %v", r.Warnings, err)
	}
	late := open(
		t,
		full.URL,
		func(c *vault.Config) { c.Now = func() time.Time { return time.Now().Add(-90 * time.Second) } },
	)
	if r, err = late.Examine(t.Context()); err != nil ||
		!strings.Contains(strings.Join(r.Warnings, "\n"), "has a clock that is 1m30s from this machine's") {
		t.Errorf("of a clock that differs the report is %q, %v", r.Warnings, err)
	}

	if r, err = open(t, "memory:").Examine(t.Context()); err != nil || r.Server != "inside this process" ||
		len(r.Warnings) != 0 {
		t.Errorf("the embedded one is %+v, %v", r, err)
	}
}

// The access list that the documentation gives is enough for a session's life, and lets little be found out.
func TestExamineWithTheDocumentedAccessList(t *testing.T) {
	text, err := os.ReadFile("../../docs/store.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ACL SETUSER bff .*$`).FindString(string(text))
	var words []any
	for w := range strings.FieldsSeq(line) {
		words = append(words, w)
	}
	store := testenv.Redis(t)
	if err := store.Client().Do(t.Context(), words...).Err(); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	url := "redis://bff:password@" + store.Addr
	v := open(t, url, func(c *vault.Config) { c.Cache = true })
	if r, err := v.Examine(t.Context()); err != nil || r.Server != "redis at "+store.Addr || len(r.Warnings) != 0 {
		t.Errorf("it is %+v, %v", r, err)
	}
	s, request := signIn(t, v, vault.NewSession{Connection: google(vault.KeepUser)})
	if _, err := v.Sessions.Load(request); err != nil {
		t.Errorf("load: %v", err)
	}
	if err := v.Sessions.End(t.Context(), s, "logout"); err != nil {
		t.Errorf("end: %v", err)
	}
}

// What a store is that is several servers.
func TestExamineSaysWhatSeveralServersAre(t *testing.T) {
	s := testenv.Sentinel(t, 1)
	if r, err := open(t, s.URL).Examine(t.Context()); err != nil ||
		!strings.HasSuffix(r.Server, ", the master at "+s.Master().Addr) {
		t.Errorf("under Sentinel it is %+v, %v", r, err)
	}
	c := testenv.Cluster(t)
	if r, err := open(t, c.URL).Examine(t.Context()); err != nil || !strings.HasSuffix(r.Server, ", a Cluster of 3") {
		t.Errorf("a Cluster is %+v, %v", r, err)
	}
	_, err := open(t, strings.Replace(s.URL, "/main", "/nobody", 1)).Examine(t.Context())
	wantReason(t, "another master's name", err, "the Sentinels know no master of this name")
	for _, s := range c.Servers {
		_, err = open(t, s.URL).Examine(t.Context())
		wantReason(t, "one server of a Cluster", err, "it belongs to a Cluster; write redis+cluster:// in front")
	}
}

// Why a store does not serve.
func TestExamineSaysWhy(t *testing.T) {
	plain, guarded, replica := testenv.Redis(t), testenv.Redis(t), testenv.Redis(t)
	if err := guarded.Client().ConfigSet(t.Context(), "requirepass", "geheim").Err(); err != nil {
		t.Fatal(err)
	}
	masterHost, masterPort, _ := strings.Cut(plain.Addr, ":")
	if err := replica.Client().ReplicaOf(t.Context(), masterHost, masterPort).Err(); err != nil {
		t.Fatal(err)
	}
	for _, user := range [][]any{{"deaf", "~bff:*", "resetchannels", "+@all"}, {"mute", "~other:*", "&*", "+@all"}} {
		if err := plain.Client().Do(t.Context(), append([]any{"ACL", "SETUSER", user[0], "on", ">geheim"}, user[1:]...)...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = free.Close()
	for _, c := range []struct{ name, store, want string }{
		{"no password", "redis://" + guarded.Addr, "it wants a password"},
		{"a wrong password", "redis://:hunter2@" + guarded.Addr, "it knows no such user with this password"},
		{"an unknown user", "redis://nobody:hunter2@" + plain.Addr, "it knows no such user with this password"},
		{"an access list without the channel", "redis://deaf:geheim@" + plain.Addr, "its access list forbids this user what bff needs; allow `~bff:*` and `&bff:*`"},
		{"an access list without the keys", "redis://mute:geheim@" + plain.Addr, "its access list forbids this user what bff needs"},
		{"a database too many", "redis://" + plain.Addr + "/99", "it has no database of this number"},
		{"a single server as a Cluster", "redis+cluster://" + plain.Addr, "it is a single server and no Cluster"},
		{"a server as a Sentinel", "redis+sentinel://" + plain.Addr + "/master", "what answers there is no Sentinel"},
		{"a replica", "redis://" + replica.Addr, "it is a replica, and takes no writes"},
		{"TLS with a server that has none", "rediss://" + plain.Addr, "it does not answer in TLS"},
		{"nobody there", "redis://" + free.Addr().String(), "nobody listens at " + free.Addr().String()},
		{"no Sentinel there", "redis+sentinel://" + free.Addr().String() + "/master", "nobody listens at "},
		{"no socket", "unix://" + filepath.Join(t.TempDir(), "redis.sock"), "there is no socket at "},
		{"a name that is none", "redis://nobody.invalid:" + masterPort, "its host name is not known"},
	} {
		_, err := open(t, c.store).Examine(t.Context())
		wantReason(t, c.name, err, c.want)
	}
	plain.Pause()
	_, err = open(t, plain.URL).Examine(t.Context())
	plain.Resume()
	wantReason(t, "a server that hangs", err, "it does not answer in time")
}

// A server with TLS is not spoken to without it, nor when nobody vouches for it.
func TestExamineSaysWhyNotTLS(t *testing.T) {
	addr := redisWithTLS(t)
	_, err := open(t, "rediss://"+addr).Examine(t.Context())
	wantReason(t, "a certificate of its own", err, "its certificate is not one that this machine trusts")
	_, err = open(t, "redis://"+addr).Examine(t.Context())
	wantReason(t, "no TLS where there should be", err, "it hangs up; does it want TLS (rediss://)?")
}

// redisWithTLS is a server with a certificate that nobody vouches for, and where it speaks TLS.
func redisWithTLS(t *testing.T) (addr string) {
	t.Helper()
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "127.0.0.1"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter:     time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: cert},
		"key": {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	port := testenv.FreePort(t)
	testenv.Redis(
		t,
		"--tls-port",
		strconv.Itoa(port),
		"--tls-cert-file",
		filepath.Join(dir, "cert"),
		"--tls-key-file",
		filepath.Join(dir, "key"),
		"--tls-auth-clients",
		"no",
	)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func wantReason(t *testing.T, name string, err error, want string) {
	t.Helper()
	if !errors.Is(err, vault.ErrUnavailable) || !strings.Contains(err.Error(), want) ||
		strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%s: %v, want %q", name, err, want)
	}
}
