package client

import (
	"log/slog"
	"sync"
	"time"
)

const (
	alarmEvery = time.Minute
	maxNotices = 256
)

// Reports are the errors and the log lines of one provider, whatever values it is for. Safe for concurrent use.
type Reports struct {
	provider string // its name
	log      *slog.Logger
	now      func() time.Time

	mu      sync.Mutex
	alarm   time.Time
	outage  time.Time
	unread  int // answers that nothing reads
	advised time.Time
	said    map[string]bool
}

// Fail makes an error of this provider.
func (s *Reports) Fail(kind Kind, op string, err error) *Error {
	return &Error{Kind: kind, Op: op, Provider: s.provider, Err: err}
}

// Unavailable is a failure that passes by itself.
func (s *Reports) Unavailable(op string, err error) *Error {
	return &Error{Kind: KindUnavailable, Op: op, Provider: s.provider, RetryAfter: time.Second, Err: err}
}

// AlarmDue reports whether it is time to log that the provider refuses this client, at most once a minute.
func (s *Reports) AlarmDue() bool { return s.due(&s.alarm) }

// OutageDue reports whether it is time to log that the provider is down, at most once a minute.
func (s *Reports) OutageDue() bool { return s.due(&s.outage) }

func (s *Reports) due(last *time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(*last) < alarmEvery {
		return false
	}
	*last = now
	return true
}

// WarnOnce logs a warning about this provider, each key once in the life of the process.
func (s *Reports) WarnOnce(key, text string, args ...any) {
	s.mu.Lock()
	if s.said == nil {
		s.said = map[string]bool{}
	}
	said := s.said[key]
	if len(s.said) < maxNotices {
		s.said[key] = true
	}
	s.mu.Unlock()
	if !said {
		s.log.Warn(text, append([]any{"provider", s.provider}, args...)...)
	}
}
