package app

import (
	"context"
	"time"

	"bff/internal/api/manage"
	"bff/internal/audit"
	"bff/internal/vault"
)

// An Operator does what `bff user` does, with the store and the keys of the configuration. No instance needs to run.
type Operator struct {
	g   *generation
	now func() time.Time
}

// Operator returns the operator's hand on the instance's store.
func (in *Instance) Operator() Operator { return Operator{in.now(), in.options.Now} }

// Each calls f with every user, in the order of their ids, until f returns an error.
func (o Operator) Each(ctx context.Context, f func(vault.UserRecord) error) error {
	for after := ""; ; {
		page, next, err := o.g.vault.ListUsers(ctx, vault.UserQuery{After: after, Limit: 200})
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
	u, err := o.g.vault.GetUser(ctx, id)
	if err != nil {
		return nil, err
	}
	return manage.UserJSON(u), nil
}

// SignOut ends all sessions of a user and says how many there were.
func (o Operator) SignOut(ctx context.Context, id string) (int, error) {
	if _, err := o.g.vault.GetUser(ctx, id); err != nil {
		return 0, err
	}
	return o.g.vault.EndUser(audit.As(ctx, audit.Actor{Kind: audit.ByOperator}), id, "ended_elsewhere")
}

// Erase erases a user and returns the signed receipt. Revocations wait in the store for the next instance that runs.
func (o Operator) Erase(ctx context.Context, id string) (receipt string, err error) {
	erased, err := o.g.vault.EraseUser(audit.As(ctx, audit.Actor{Kind: audit.ByOperator}), id, o.g.broker.Revocation)
	if err != nil {
		return "", err
	}
	return o.g.signer.Sign(ctx, manage.ReceiptType, manage.NewReceipt(o.g.cfg.OriginText(), id, erased, o.now()))
}
