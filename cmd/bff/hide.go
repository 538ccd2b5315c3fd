package main

import (
	"errors"
	"fmt"

	"bff/internal/app"
	"bff/internal/cli"
	"bff/internal/vault"
)

type userHideCommand struct {
	userConfig
	DryRun     bool `help:"Count, and change nothing."`
	Back       bool `help:"Spell them as before, for a version that knows no other way."`
	Unreadable bool `help:"Although there are values that these keys cannot open, left by keys that were removed."`
}

func (c *userHideCommand) Run(sh *cli.Shell) error {
	cfg, err := c.load(sh)
	if err != nil {
		return err
	}
	found, err := app.HideNames(sh.Context, cfg, vault.Renaming{Dry: c.DryRun, Back: c.Back, Unreadable: c.Unreadable})
	switch {
	case errors.Is(err, vault.ErrListening):
		err = errors.New("an instance runs on this store: stop all of them first")
	case errors.Is(err, vault.ErrUnreadable):
		err = fmt.Errorf("%d values in this store cannot be opened with these keys. If another bff with other keys uses "+
			"the same prefix, give it one of its own first; if they are left from keys that were removed, say --unreadable",
			found.Unreadable)
	case errors.Is(err, vault.ErrOtherRing):
		err = storeError(err)
	case errors.Is(err, vault.ErrUnavailable):
		err = fmt.Errorf("the store did not answer, after %d names; run this again, until it ends", found.Names)
	case err == nil && c.DryRun:
		_, err = fmt.Fprintf(sh.Stdout, "would change %d names; %d values cannot be opened with these keys\n", found.Names,
			found.Unreadable)
	case err == nil && found.Twice > 0:
		err = fmt.Errorf("changed %d names; %d are there in both spellings, and stay: a version that knows one of them "+
			"alone ran on this store meanwhile", found.Names, found.Twice)
	case err == nil:
		_, err = fmt.Fprintf(sh.Stdout, "changed %d names\n", found.Names)
	}
	return cli.RunError(err)
}
