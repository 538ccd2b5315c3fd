//go:build unix

package wire

import "syscall"

// nothingCame looks at a socket that does not block: what is not "try again" is a byte, the end, or an error.
func nothingCame(fd uintptr) bool {
	var one [1]byte
	_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
	return err == syscall.EAGAIN
}
