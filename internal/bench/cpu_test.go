package bench_test

import (
	"syscall"
	"testing"
	"unsafe"
)

// cpu is the processor time a process has used, in µs: its clock by clock_gettime(2), whose id is made of the process's
// as clock_getcpuclockid(3) does. (/proc/PID/stat counts ticks of 10 ms.)
func (p process) cpu(b *testing.B) float64 {
	b.Helper()
	const scheduled = 2
	var used syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(^p.pid<<3|scheduled),
		uintptr(unsafe.Pointer(&used)), 0)
	if errno != 0 {
		b.Fatal("read the processor time of a process: ", errno)
	}
	return float64(used.Nano()) / 1e3
}
