package deliver

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"bff/internal/vault"
	"bff/internal/webhook"
)

const (
	parallel    = 16               // requests in flight to one program
	lease       = 30 * time.Second // longer than a request may take
	poll        = time.Second      // when nothing was announced
	storeRetry  = 2 * time.Second
	sendTimeout = 10 * time.Second
	writeTime   = 5 * time.Second // to note an outcome
)

// A Program takes events.
type Program struct {
	Name     string // of its queue; it stays the same from one start to the next
	Endpoint webhook.Endpoint
}

// Config is what a Deliverer needs.
type Config struct {
	Vault    *vault.Vault // required
	Programs []Program
	Sender   *webhook.Sender // required
	Log      *slog.Logger    // required
	Now      func() time.Time
	// OnDelivery, where it is set, is called after every request, with "delivered", "retried" or "dropped".
	OnDelivery func(program, outcome string)
}

// A Deliverer sends what is due. Any number of them, in any number of instances, may share a store.
type Deliverer struct{ cfg Config }

// New makes a Deliverer.
func New(cfg Config) *Deliverer {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.OnDelivery == nil {
		cfg.OnDelivery = func(string, string) {}
	}
	return &Deliverer{cfg: cfg}
}

// Run delivers until ctx ends. Requests in flight are given up then; their events are due again at once.
func (d *Deliverer) Run(ctx context.Context) {
	var programs sync.WaitGroup
	for _, p := range d.cfg.Programs {
		if p.Endpoint.Timeout <= 0 || p.Endpoint.Timeout > lease/2 {
			p.Endpoint.Timeout = sendTimeout
		}
		programs.Go(func() { d.serve(ctx, p) })
	}
	programs.Wait()
}

// serve delivers to one program.
func (d *Deliverer) serve(ctx context.Context, p Program) {
	events, stop := d.cfg.Vault.Subscribe(func(vault.Event) bool { return true })
	defer stop()
	busy, through := make(chan struct{}, parallel), make(chan struct{}, 1)
	var sending sync.WaitGroup
	defer sending.Wait()
	for ctx.Err() == nil {
		due, err := d.cfg.Vault.Events.Due(ctx, p.Name, parallel-len(busy), lease)
		if err != nil {
			pause(ctx, storeRetry, nil, nil)
			continue
		}
		for _, one := range due {
			busy <- struct{}{}
			sending.Go(func() {
				d.send(ctx, p, one)
				<-busy
				select {
				case through <- struct{}{}: // the user's next may be due
				default:
				}
			})
		}
		switch {
		case len(busy) == parallel:
			pause(ctx, lease, nil, through)
		case len(due) == 0:
			pause(ctx, poll, events, through)
		}
	}
}

func pause(ctx context.Context, longest time.Duration, announced <-chan vault.Event, through <-chan struct{}) {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-announced:
	case <-through:
	}
}

// send makes one request and notes its outcome.
func (d *Deliverer) send(ctx context.Context, p Program, one vault.Delivery) {
	got, err := d.cfg.Sender.Send(ctx, p.Endpoint, webhook.Message{ID: one.ID, Body: one.Body})
	gaveUp := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	now := d.cfg.Now()
	why := ""
	switch {
	case err == nil && got.Status >= 200 && got.Status < 300:
		d.note(p, "delivered", d.cfg.Vault.Events.Delivered(ctx, one))
		return
	case gaveUp:
		_ = d.cfg.Vault.Events.Retry(ctx, one, now) // where the store is down too, the lease ends
		return
	case err == nil && got.Status == 410:
		why = "the program answered 410: it wants no more of it"
	case now.Sub(one.At) >= GiveUp:
		why = "the program did not take it for three days"
	}
	if why != "" {
		d.cfg.Log.WarnContext(ctx, "an event was dropped", "program", p.Name, "type", one.Type, "id", one.ID, "reason", why)
		d.note(p, "dropped", d.cfg.Vault.Events.Delivered(ctx, one))
		return
	}
	wait := Wait(one.Attempts+1, got.RetryAfter)
	d.note(p, "retried", d.cfg.Vault.Events.Retry(ctx, one, now.Add(wait)))
}

// note counts an outcome that the store knows of. What it does not know of happens again.
func (d *Deliverer) note(p Program, outcome string, err error) {
	if err == nil {
		d.cfg.OnDelivery(p.Name, outcome)
	}
}
