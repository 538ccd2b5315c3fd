package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"bff/internal/config"
	"bff/internal/deliver"
	"bff/internal/users"
	"bff/internal/vault"
	"bff/internal/webhook"
)

// newPolicy makes what decides who may sign in, and with which rights.
func (g *generation) newPolicy() (*users.Policy, error) {
	c := users.Config{Allow: g.cfg.Users.Allow, Rights: g.cfg.Users.Rights, Claims: map[string][]string{}, Log: g.log}
	for _, p := range g.cfg.Providers {
		c.Claims[p.Name] = p.Rights
	}
	if h := g.cfg.Users.Hook; h != nil {
		c.Hook = &users.Hook{Required: h.Required, Sender: g.sender,
			Endpoint: webhook.Endpoint{URL: h.URL, Key: h.Key, Timeout: h.Timeout}}
	}
	return users.NewPolicy(c)
}

// linkOnly are the providers whose accounts are linked only.
func linkOnly(all []config.Provider) (names []string) {
	for _, p := range all {
		if !p.SignIn {
			names = append(names, p.Name)
		}
	}
	return names
}

// queueName is the name of a program's queue: that of its address, so that the order of the list may change.
func queueName(e *config.Event) string {
	sum := sha256.Sum256([]byte(e.URL))
	return hex.EncodeToString(sum[:8])
}

// programs are those that the vault queues events for.
func programs(events []config.Event) (all []vault.Program) {
	for i := range events {
		all = append(all, vault.Program{Name: queueName(&events[i]), Wants: deliver.Wants(events[i].Types)})
	}
	return all
}

// eventsChanged reports whether other programs, or others of their events, are configured.
func eventsChanged(a, b []config.Event) bool {
	return !slices.EqualFunc(
		a,
		b,
		func(a, b config.Event) bool { return a.URL == b.URL && slices.Equal(a.Types, b.Types) },
	)
}

// newDeliverer makes what brings them.
func (g *generation) newDeliverer() *deliver.Deliverer {
	c := deliver.Config{Vault: g.vault, Sender: g.sender, Log: g.log}
	for i := range g.cfg.Events {
		e := &g.cfg.Events[i]
		c.Programs = append(
			c.Programs,
			deliver.Program{Name: queueName(e), Endpoint: webhook.Endpoint{URL: e.URL, Key: e.Key}},
		)
	}
	return deliver.New(c)
}

// newRights decides the rights of an account anew when a refresh brought an ID token. Claims that it lacks may be in
// userinfo: then the rights stay as they are, since absent is not empty.
func (g *generation) newRights(ctx context.Context, c vault.Connection, claims map[string]any) {
	for _, name := range g.policy.ClaimNames(c.Provider) {
		if _, ok := claims[name]; !ok {
			return
		}
	}
	who := users.Person{ID: c.UserID(), Provider: c.Provider, Subject: c.Account.Subject, Claims: claims}
	who.Email, _ = claims["email"].(string)
	who.EmailVerified = claims["email_verified"] == true || claims["email_verified"] == "true"
	rights := g.policy.Rights(who)
	source := vault.RightsOf(who.Provider, who.Subject)
	_, err := g.vault.Users.Update(ctx, who.ID, func(u *vault.UserRecord) error {
		known := slices.ContainsFunc(u.Identities, func(i vault.Identity) bool {
			return i.Provider == who.Provider && i.Subject == who.Subject
		})
		if !known || slices.Equal(u.Rights[source], rights) {
			return errUnchanged
		}
		u.Rights[source] = rights
		return nil
	})
	if err != nil && !errors.Is(err, errUnchanged) && !errors.Is(err, vault.ErrNotFound) {
		g.log.WarnContext(ctx, "rights could not be decided anew; the next refresh or sign-in does", "user", who.ID)
	}
}

var errUnchanged = errors.New("unchanged")

// How often users are looked at: a page, and a whole round.
const (
	keepPage  = time.Second
	keepRound = time.Hour
)

// keepUsers seals records under the ring's first key and erases users whom nobody has been for users.forget, page by
// page.
func (g *generation) keepUsers(ctx context.Context) {
	after, resealed := "", 0
	for {
		m, err := g.vault.Upkeep.MaintainUsers(ctx, after, g.cfg.Users.Forget, g.broker.Outbox.Revocation)
		wait := keepPage
		if err == nil {
			after, resealed = m.Next, resealed+m.Resealed
			if m.Forgotten > 0 {
				g.broker.Outbox.Nudge()
				g.log.Info("users who were not seen for long were erased", "users", m.Forgotten)
			}
			if after == "" {
				if resealed > 0 {
					g.log.Info("every user is sealed under the first key of the ring", "users", resealed)
				}
				wait, resealed = keepRound, 0
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
