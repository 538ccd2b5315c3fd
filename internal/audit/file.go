package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// lockWait is how long an event waits for another process that writes to the same file.
const lockWait = 2 * time.Second

// A chainedFile is the end of an audit log in a file. Several processes may have the same one: two instances on one
// machine, or the old and the new one of a restart. The rules are:
//
//  1. Whoever writes holds the file's lock, and has read what was written since.
//  2. A line that did not fit (a full disk) is taken away again, so that the next one begins on a line of its own.
//  3. Where lines were taken away by somebody else, the chain goes on behind the last one that was written: it shows.
type chainedFile struct {
	path string
	f    *os.File
	end  int64  // where the last complete line ends that is known here
	prev string // its hash
}

func openChained(path string) (*chainedFile, error) {
	c := &chainedFile{path: path}
	return c, c.reopen()
}

// leastRoom is the room on a disk, in bytes, below which a log will soon not be written.
const leastRoom = 16 << 20

// Usable says why a log cannot be kept in a file; or, as a warning, why it soon cannot. It writes nothing.
func Usable(path string) (warning string, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		err = mayWriteIn(filepath.Dir(path))
	}
	if err != nil {
		return "", errors.New("it cannot be written by this user")
	}
	if f != nil {
		defer func() { _ = f.Close() }()
		info, err := f.Stat()
		if err != nil {
			return "", err
		}
		_, last, err := lastLine(f, info.Size())
		if err == nil && len(last) > 0 {
			_, _, err = split(last)
		}
		if err != nil {
			return "", fmt.Errorf("its end is not that of an audit log, and is not written over: %w; name another file", err)
		}
	}
	if room, known := roomIn(filepath.Dir(path)); known && room < leastRoom {
		return "its disk is full, or nearly; make room", nil
	}
	return "", nil
}

// append writes an event behind the last line of the file, whoever wrote it.
func (c *chainedFile) append(e Event) error {
	unlock, err := lock(c.f)
	if err != nil {
		return err
	}
	defer func() { unlock() }()
	if c.moved() {
		if err := c.catchUp(); err != nil {
			return err
		}
		next, unlockNext, err := c.open()
		if err != nil {
			return err
		}
		unlock()
		_ = c.f.Close()
		*c, unlock = *next, unlockNext
	}
	if err := c.catchUp(); err != nil {
		return err
	}
	text, hash, err := chained(e, c.prev)
	if err != nil {
		return err
	}
	if _, err := c.f.WriteAt(text, c.end); err != nil {
		return errors.Join(err, c.f.Truncate(c.end))
	}
	c.end, c.prev = c.end+int64(len(text)), hash
	return nil
}

// moved says whether the path leads to another file by now. Where nothing is there yet, the one before is written on.
func (c *chainedFile) moved() bool {
	there, err := os.Stat(c.path)
	if err != nil {
		return false
	}
	here, err := c.f.Stat()
	return err == nil && !os.SameFile(there, here)
}

// reopen opens what is at the path, and makes it where there is nothing. The file that is open already stays.
func (c *chainedFile) reopen() error {
	if c.f != nil {
		if _, err := os.Stat(c.path); err == nil && !c.moved() {
			return nil
		}
		unlock, err := lock(c.f)
		if err != nil {
			return err
		}
		err = c.catchUp()
		unlock()
		if err != nil {
			return err
		}
	}
	next, unlock, err := c.open()
	if err != nil {
		return err
	}
	defer unlock()
	if c.f != nil {
		_ = c.f.Close()
	}
	*c = *next
	return nil
}

// open opens what is at the path, locked, at its end. A new file's first line will name the last line of this one.
func (c *chainedFile) open() (next *chainedFile, unlock func(), err error) {
	f, err := os.OpenFile(c.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	next = &chainedFile{path: c.path, f: f, prev: c.prev}
	if unlock, err = lock(f); err == nil {
		err = next.catchUp()
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return next, unlock, nil
}

// catchUp reads what others have written since, and removes an incomplete last line, which a crash left.
func (c *chainedFile) catchUp() error {
	info, err := c.f.Stat()
	if err != nil || info.Size() == c.end {
		return err
	}
	end, last, err := lastLine(c.f, info.Size())
	if err != nil {
		return err
	}
	if end > c.end {
		if _, c.prev, err = split(last); err != nil {
			return err
		}
	}
	c.end = end
	return c.f.Truncate(end)
}

// lastLine returns where the last complete line of f ends, and that line.
func lastLine(f *os.File, size int64) (end int64, last []byte, err error) {
	start := max(0, size-2*maxLine)
	tail := make([]byte, size-start)
	if _, err := f.ReadAt(tail, start); err != nil && !errors.Is(err, io.EOF) {
		return 0, nil, err
	}
	stop := bytes.LastIndexByte(tail, '\n')
	switch begins := []byte(`{"event":`); {
	case stop >= 0:
		begin := bytes.LastIndexByte(tail[:stop], '\n') + 1
		return start + int64(stop) + 1, tail[begin:stop], nil
	case start > 0:
		return 0, nil, errors.New("its last line is too long")
	case !bytes.HasPrefix(tail, begins[:min(len(begins), len(tail))]):
		return 0, nil, errors.New("it is no audit log")
	}
	return 0, nil, nil
}
