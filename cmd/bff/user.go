package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"bff/internal/app"
	"bff/internal/cli"
	"bff/internal/config"
	"bff/internal/vault"
)

type userCommand struct {
	List    userListCommand    `cmd:"" help:"List the users: id, when last here, e-mail, name."`
	Show    userShowCommand    `cmd:"" help:"Show one user as JSON: identities, profile, rights and where they come from."`
	SignOut userSignOutCommand `cmd:"" name:"sign-out" help:"End all sessions of a user, at once and everywhere."`
	Hide    userHideCommand    `cmd:"" name:"hide-names" help:"Have the store spell users so that nobody can guess from a copy of it who is there. No instance may run."`
	Erase   userEraseCommand   `cmd:"" help:"Erase a user: sessions end, grants are revoked, everything kept is deleted. Prints a signed receipt."`
}

// userConfig is the flag that all of them have.
type userConfig struct {
	Config string `default:"bff.yaml" placeholder:"FILE" help:"The configuration, - for standard input (default: ${default})."`
}

type (
	userListCommand struct{ userConfig }
	userShowCommand struct {
		userConfig
		ID string `arg:"" placeholder:"ID" help:"u_…, as bff user list prints it."`
	}
	userSignOutCommand struct {
		userConfig
		ID string `arg:"" placeholder:"ID" help:"u_…, as bff user list prints it."`
	}
	userEraseCommand struct {
		userConfig
		ID string `arg:"" placeholder:"ID" help:"u_…, as bff user list prints it."`
	}
)

// load reads the configuration. Its store must be one that a command can see.
func (c *userConfig) load(sh *cli.Shell) (*config.Config, error) {
	cfg, report := config.Load(c.Config, sh.Stdin, sh.Env)
	if report != "" {
		return nil, cli.WrongUse("%s", config.Counted(report))
	}
	if cfg.Session.Store.Reveal() == "memory:" {
		return nil, cli.WrongUse(
			"bff: `session.store` is memory:, which only the running instance can see; use its admin listener instead",
		)
	}
	return cfg, nil
}

// with runs f with the store and the keys of the configuration.
func (c *userConfig) with(sh *cli.Shell, f func(app.Operator) error) error {
	cfg, err := c.load(sh)
	if err != nil {
		return err
	}
	cfg.Session.Cache = false
	in, err := app.New(cfg, app.Options{Log: slog.New(slog.DiscardHandler), Record: true, HandOver: true})
	if err != nil {
		return cli.WrongUse("%s: %v", c.Config, err)
	}
	if err = in.Operator().Ready(sh.Context); err == nil {
		err = f(in.Operator())
	}
	switch {
	case errors.Is(err, vault.ErrNotFound):
		err = errors.New("there is no such user; `bff user list` prints the ids")
	default:
		err = storeError(err)
	}
	return errors.Join(cli.RunError(err), cli.RunError(in.Close(sh.Context)))
}

// storeError is a store's error in words for whoever typed the command.
func storeError(err error) error {
	switch {
	case errors.Is(err, vault.ErrOtherRing):
		return errors.New("the names of this store are sealed under a key that `session.keys` lacks: add the key that it " +
			"was served with, behind the others")
	case errors.Is(err, vault.ErrNames):
		return err // it says what to do
	case errors.Is(err, vault.ErrUnavailable):
		return errors.New("the store does not answer; `bff check` says why")
	}
	return err
}

func (c *userListCommand) Run(sh *cli.Shell) error {
	return c.with(sh, func(o app.Operator) error {
		nobody := true
		err := o.Each(sh.Context, func(u vault.UserRecord) error {
			nobody = false
			_, err := fmt.Fprintf(sh.Stdout, "%s  %s  %s  %s\n", u.ID, u.LastSeenAt.UTC().Format(time.RFC3339), u.Profile.Email,
				u.Profile.Name)
			return err
		})
		if err == nil && nobody {
			_, err = fmt.Fprintln(sh.Stderr, "nobody has signed in yet")
		}
		return err
	})
}

func (c *userShowCommand) Run(sh *cli.Shell) error {
	return c.with(sh, func(o app.Operator) error {
		u, err := o.Show(sh.Context, c.ID)
		if err != nil {
			return err
		}
		out := json.NewEncoder(sh.Stdout)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		return out.Encode(u)
	})
}

func (c *userSignOutCommand) Run(sh *cli.Shell) error {
	return c.with(sh, func(o app.Operator) error {
		n, err := o.SignOut(sh.Context, c.ID)
		if err == nil {
			_, err = fmt.Fprintf(sh.Stdout, "ended %s\n", cli.Many(n, "session"))
		}
		return err
	})
}

func (c *userEraseCommand) Run(sh *cli.Shell) error {
	return c.with(sh, func(o app.Operator) error {
		receipt, err := o.Erase(sh.Context, c.ID)
		if err == nil {
			_, err = fmt.Fprintln(sh.Stdout, receipt)
		}
		return err
	})
}
