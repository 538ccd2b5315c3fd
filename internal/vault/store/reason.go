package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

var errMoved = errors.New("MOVED")

// fault turns what go-redis returns into this package's errors. Everything the server did not definitely say is
// ErrUnavailable.
func (s *server) fault(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.Nil):
		return ErrNotFound
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.Is(err, ErrNames):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var reply redis.Error // the server's own words: nothing passes by itself, so it is worth a line
	if errors.As(err, &reply) {
		if text := s.said(err); text != "" {
			s.Warn("the store refuses: " + text)
		}
	}
	s.log.Debug("store error", "error", err)
	return ErrUnavailable
}

// refused says what stands between bff and its store.
func (s *server) refused(ctx context.Context, err error) error {
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
func (s *server) handshake(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := (&tls.Dialer{Config: s.options.TLSConfig}).DialContext(ctx, "tcp", s.options.Addrs[0])
	if err != nil {
		return err
	}
	return conn.Close()
}

func (s *server) reason(err error) string {
	if text := s.said(err); text != "" {
		return text
	}
	return s.unreached(err)
}

// said is what the server's own words mean, or "" for none that are known.
func (s *server) said(err error) string {
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

// unreached is reason where the network had the last word.
func (s *server) unreached(err error) string {
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

func (s *server) tls() bool { return s.options != nil && s.options.TLSConfig != nil }
