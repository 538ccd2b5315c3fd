package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"bff/internal/audit"
	"bff/internal/config"
	"bff/internal/vault"
)

const (
	maxNamed        = 30              // keys that one event names
	compareTimeout  = 5 * time.Second // of the store at the start
	versionOfItself = "version"       // is compared like a key of the configuration
)

// noteStart writes down with which configuration the process starts: what differs from the one before, of whichever
// instance. A store that is away keeps nobody from starting, and then nothing is compared.
func (in *Instance) noteStart(ctx context.Context) {
	e := audit.Event{Kind: audit.ConfigurationRead, Reason: "start", At: in.options.Now(),
		Actor: audit.Actor{Kind: audit.ByOperator}}
	g := in.now()
	digests := g.cfg.Digests()
	digests[versionOfItself] = in.options.Version
	limited, cancel := context.WithTimeout(ctx, compareTimeout)
	defer cancel()
	before, err := g.vault.SwapConfigured(limited, digests)
	in.noteKeys(err)
	if err == nil && before != nil {
		e.Changed = config.Changed(before, digests)
	}
	in.recordConfiguration(e)
}

// noteReload writes down that the configuration is another one, in a log that may have been rotated.
func (in *Instance) noteReload(cfg, old *config.Config) {
	if err := in.audit.Reopen(); err != nil {
		in.log.Error("the audit log cannot be opened again", "error", err)
	}
	digests := cfg.Digests()
	changed := config.Changed(old.Digests(), digests)
	in.recordConfiguration(audit.Event{Kind: audit.ConfigurationRead, Reason: "reload", Changed: changed,
		Actor: audit.Actor{Kind: audit.ByOperator}})
	digests[versionOfItself] = in.options.Version
	limited, cancel := context.WithTimeout(context.Background(), compareTimeout)
	defer cancel()
	_, err := in.now().vault.SwapConfigured(limited, digests) // else the next start names the same keys again
	in.noteKeys(err)
}

// noteKeys logs that the key ring has lost the key of what is in the store.
func (in *Instance) noteKeys(err error) {
	if errors.Is(err, vault.ErrOtherKeys) {
		in.log.Error("no key of session.keys opens what is in the store: everybody is signed out; put the key that was there " +
			"before behind the new one, and read the configuration again")
	}
}

// recordConfiguration writes down a reading of the configuration, and that the keys changed where they did.
func (in *Instance) recordConfiguration(e audit.Event) {
	keys := slices.Contains(e.Changed, "session.keys")
	e.Changed = e.Changed[:min(len(e.Changed), maxNamed)]
	in.Record(context.Background(), e)
	if keys {
		in.Record(context.Background(), audit.Event{Kind: audit.KeysChanged, Reason: e.Reason, Actor: e.Actor})
	}
}
