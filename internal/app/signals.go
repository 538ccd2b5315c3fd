package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Signals returns a context that the first SIGINT or SIGTERM ends. From then on they have their default effect: a
// second one ends the process at once.
func Signals(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case <-received:
		case <-ctx.Done():
		}
		signal.Stop(received) // before anybody can see that the first was received
		cancel()
	}()
	return ctx, cancel
}

// hangups are the SIGHUPs that have come.
type hangups chan os.Signal

// notify has the SIGHUPs of this process come to h until stop is called.
func (h hangups) notify() (stop func()) {
	signal.Notify(h, syscall.SIGHUP)
	return func() { signal.Stop(h) }
}

// hear calls f at each SIGHUP, until ctx ends.
func (h hangups) hear(ctx context.Context, f func()) {
	for {
		select {
		case <-h:
			f()
		case <-ctx.Done():
			return
		}
	}
}
