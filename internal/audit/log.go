package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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
// It is safe for concurrent use. One file has one writer.
type Log struct {
	mu     sync.Mutex
	out    io.Writer
	file   *os.File // nil for a Log that does not own its writer
	path   string
	prev   string
	now    func() time.Time
	failed func(error)
}

// LogConfig says how a Log works.
type LogConfig struct {
	Now    func() time.Time // time.Now when nil
	Failed func(error)      // is called with every line that could not be written; nil: nobody
}

func (c LogConfig) log() *Log {
	l := &Log{now: c.Now, failed: c.Failed}
	if l.now == nil {
		l.now = time.Now
	}
	if l.failed == nil {
		l.failed = func(error) {}
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
	l.path = path
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Log) open() error {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the audit log: %w", err)
	}
	end, last, err := lastLine(f)
	if err == nil && len(last) > 0 {
		_, l.prev, err = split(last)
	}
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("open the audit log: %w", err), f.Close())
	}
	l.file, l.out = f, f
	return nil
}

// lastLine returns where the last complete line of f ends, and that line.
func lastLine(f *os.File) (end int64, last []byte, err error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, nil, err
	}
	start := max(0, size-2*maxLine)
	tail := make([]byte, size-start)
	if _, err := f.ReadAt(tail, start); err != nil && !errors.Is(err, io.EOF) {
		return 0, nil, err
	}
	stop := bytes.LastIndexByte(tail, '\n')
	if stop < 0 {
		if start > 0 {
			return 0, nil, errors.New("its last line is too long")
		}
		return 0, nil, nil
	}
	begin := bytes.LastIndexByte(tail[:stop], '\n') + 1
	return start + int64(stop) + 1, tail[begin:stop], nil
}

// Reopen closes the file and opens its path again, so that a rotated log goes on in a new file with the chain unbroken.
func (l *Log) Reopen() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	old, prev := l.file, l.prev
	if err := l.open(); err != nil {
		return err
	}
	if l.prev == "" { // a new file: its first line names the last line of the file before
		l.prev = prev
	}
	return old.Close()
}

// Close closes the file, if the Log opened one. A nil Log has none.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	return l.file.Close()
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
	body, err := json.Marshal(line{e, l.prev})
	if err != nil {
		l.failed(fmt.Errorf("write the audit log: %w", err))
		return
	}
	hash := hashOf(body)
	out := make([]byte, 0, len(body)+hashSize+12)
	out = append(append(append(append(out, body[:len(body)-1]...), `,"hash":"`...), hash...), "\"}\n"...)
	if len(out) > maxLine {
		l.failed(errors.New("write the audit log: an event is too large"))
		return
	}
	if _, err := l.out.Write(out); err != nil {
		l.failed(fmt.Errorf("write the audit log: %w", err))
		return
	}
	l.prev = hash
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
