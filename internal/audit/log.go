package audit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	maxLine  = 64 << 10 // bytes of one line
	hashSize = 43       // characters of a SHA-256 in base64url
)

// A line is what the log holds for an event.
type line struct {
	Event
	Prev string `json:"prev"`
}

// A Log writes audited events as JSON lines, each with the hash of the line before it ("prev") and its own ("hash").
// It is safe for concurrent use. Processes of one machine may share a file: their lines are one chain.
type Log struct {
	mu     sync.Mutex
	out    io.Writer    // where there is no file
	prev   string       // of out
	file   *chainedFile // nil: out
	now    func() time.Time
	failed func(Event, error)
}

// LogConfig says how a Log works.
type LogConfig struct {
	Now    func() time.Time   // time.Now when nil
	Failed func(Event, error) // is called with every event that could not be written; nil: nobody
}

func (c LogConfig) log() *Log {
	l := &Log{now: c.Now, failed: c.Failed}
	if l.now == nil {
		l.now = time.Now
	}
	if l.failed == nil {
		l.failed = func(Event, error) {}
	}
	return l
}

// NewLog writes to out. Its chain begins here.
func NewLog(out io.Writer, cfg LogConfig) *Log {
	l := cfg.log()
	l.out = out
	return l
}

// OpenLog appends to a file, which it makes with mode 0600 where there is none, and continues its chain. An
// incomplete last line, which a crash left, is removed. It refuses a file whose last complete line is not of this
// format.
func OpenLog(path string, cfg LogConfig) (*Log, error) {
	l := cfg.log()
	file, err := openChained(path)
	if err != nil {
		return nil, fmt.Errorf("open the audit log: %w", err)
	}
	l.file = file
	return l, nil
}

// Reopen opens the path again where another file is there by now, so that a rotated log goes on in a new file with the
// chain unbroken.
func (l *Log) Reopen() error {
	if l == nil || l.file == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.reopen()
}

// Close closes the file, if the Log opened one. A nil Log has none.
func (l *Log) Close() error {
	if l == nil || l.file == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.f.Close()
}

// Record implements [Recorder]. Kinds that are not audited are left out.
func (l *Log) Record(_ context.Context, e Event) {
	if !Audited(e.Kind) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.At.IsZero() {
		e.At = l.now()
	}
	e.At = e.At.UTC().Truncate(time.Millisecond)
	if e.Actor.Kind == "" {
		e.Actor.Kind = ByBFF
	}
	var err error
	if l.file != nil {
		err = l.file.append(e)
	} else {
		err = l.write(e)
	}
	if err != nil {
		l.failed(e, fmt.Errorf("write the audit log: %w", err))
	}
}

func (l *Log) write(e Event) error {
	text, hash, err := chained(e, l.prev)
	if err != nil {
		return err
	}
	if _, err := l.out.Write(text); err != nil {
		return err
	}
	l.prev = hash
	return nil
}

// chained is the line of an event behind the line with that hash, and its own hash.
func chained(e Event, prev string) (text []byte, hash string, err error) {
	body, err := json.Marshal(line{e, prev})
	if err != nil {
		return nil, "", err
	}
	hash = hashOf(body)
	text = make([]byte, 0, len(body)+hashSize+12)
	text = append(append(append(append(text, body[:len(body)-1]...), `,"hash":"`...), hash...), "\"}\n"...)
	if len(text) > maxLine {
		return nil, "", errors.New("an event is too large")
	}
	return text, hash, nil
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
