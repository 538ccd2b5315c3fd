//go:build linux || darwin || freebsd

package audit

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lock takes the file's lock. A file system that has none is written without: then one process may have the file.
func lock(f *os.File) (unlock func(), err error) {
	for end := time.Now().Add(lockWait); ; {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return func() { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }, nil
		case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOSYS):
			return func() {}, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, fmt.Errorf("lock it: %w", err)
		case time.Now().After(end):
			return nil, errors.New("another process holds its lock")
		}
		<-time.After(time.Millisecond)
	}
}

// mayWriteIn says why this user may make no file in a folder.
func mayWriteIn(dir string) error { return syscall.Access(dir, 2) }

// roomIn is how many bytes this user may still write below a folder.
func roomIn(dir string) (room uint64, known bool) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return 0, false
	}
	return uint64(disk.Bavail) * uint64(disk.Bsize), true
}
