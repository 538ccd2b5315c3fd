package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"bff/internal/api/manage"
	"bff/internal/audit"
	"bff/internal/config"
	"bff/internal/vault"
)

// An Operator does what `bff user` does, with the store and the keys of the configuration. No instance needs to run.
type Operator struct {
	g   *generation
	now func() time.Time
}

// Operator returns the operator's hand on the instance's store.
func (in *Instance) Operator() Operator { return Operator{in.now(), in.options.Now} }

// Ready says whether the store answers, and can be read with these keys. It is asked first.
func (o Operator) Ready(ctx context.Context) error { return o.g.vault.Names.Ready(ctx) }

// HideNames changes how the store of a configuration spells the names of users: see vault.Rename.
func HideNames(ctx context.Context, cfg *config.Config, o vault.Renaming) (found vault.Renamed, err error) {
	s := &cfg.Session
	v, err := vault.Open(vault.Config{Store: s.Store.Reveal(), Keys: s.Keys, Prefix: s.Prefix, Deaf: true,
		Cookie: cfg.SessionCookie(), Idle: s.Idle, Lifetime: s.Lifetime})
	if err != nil {
		return found, err
	}
	found, err = v.Names.Rename(ctx, o)
	if err = errors.Join(err, v.Close()); err != nil || o.Dry || found.Names == 0 {
		return found, err
	}
	return found, noteNames(ctx, cfg, o)
}

// noteNames writes down that the names of a store were changed, for explanations and for the audit log of the next
// instance that runs.
func noteNames(ctx context.Context, cfg *config.Config, o vault.Renaming) error {
	in, err := New(cfg, Options{Log: slog.New(slog.DiscardHandler), Record: true, HandOver: true})
	if err != nil {
		return err
	}
	e := audit.Event{At: time.Now(), Kind: audit.NamesChanged, Reason: "hidden", Actor: audit.Actor{Kind: audit.ByOperator}}
	if o.Back {
		e.Reason = "back"
	}
	if err = in.Operator().Ready(ctx); err == nil {
		in.Record(ctx, e)
	}
	return errors.Join(err, in.Close(ctx))
}

// Each calls f with every user, in the order of their ids, until f returns an error.
func (o Operator) Each(ctx context.Context, f func(vault.UserRecord) error) error {
	for after := ""; ; {
		page, next, err := o.g.vault.Users.List(ctx, vault.UserQuery{After: after, Limit: 200})
		if err != nil {
			return err
		}
		for _, u := range page {
			if err := f(u); err != nil {
				return err
			}
		}
		if after = next; next == "" {
			return nil
		}
	}
}

// Show returns a user as the admin listener shows one.
func (o Operator) Show(ctx context.Context, id string) (any, error) {
	u, err := o.g.vault.Users.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return manage.UserJSON(u), nil
}

// SignOut ends all sessions of a user and says how many there were.
func (o Operator) SignOut(ctx context.Context, id string) (int, error) {
	if _, err := o.g.vault.Users.Get(ctx, id); err != nil {
		return 0, err
	}
	return o.g.vault.Index.EndUser(audit.As(ctx, audit.Actor{Kind: audit.ByOperator}), id, "ended_elsewhere")
}

// Erase erases a user and returns the signed receipt. Revocations wait in the store for the next instance that runs.
func (o Operator) Erase(ctx context.Context, id string) (receipt string, err error) {
	erased, err := o.g.vault.Users.Erase(audit.As(ctx, audit.Actor{Kind: audit.ByOperator}), id,
		o.g.broker.Outbox.Revocation)
	if err != nil {
		return "", err
	}
	return o.g.signer.Sign(ctx, manage.ReceiptType, manage.NewReceipt(o.g.cfg.OriginText(), id, erased, o.now()))
}
