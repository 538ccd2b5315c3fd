package app

import (
	"context"
	"os"
	"time"

	"bff/internal/config"
)

const (
	// fileEvery is how often files of secrets and certificates are looked at.
	fileEvery = time.Second
	// certificateEvery is how often it is looked whether a certificate comes to its end.
	certificateEvery = 24 * time.Hour
)

// Reload reads the configuration again and has all calls from now on served by it. A configuration with mistakes
// changes nothing. Calls and streams in flight end as they began: by the generation in which they began.
func (in *Instance) Reload() {
	in.reloading.Lock()
	defer in.reloading.Unlock()
	if in.options.Reload == nil {
		in.log.Warn("the configuration cannot be read again: it did not come from a file")
		return
	}
	cfg, report := in.options.Reload()
	if report != "" {
		in.log.Error("the configuration has mistakes; nothing was changed", "mistakes", report)
		return
	}
	old := in.now()
	for _, key := range keepFixed(cfg, old.cfg) {
		in.log.Warn("a key of the configuration changes at the next start only", "key", key)
	}
	shared := old.vault
	if cfg.SessionChanged(old.cfg) ||
		eventsChanged(cfg.Events, old.cfg.Events) { // the vault queues for the programs it knows
		shared = nil
	}
	next, err := in.build(cfg, shared, &in.generations)
	if err == nil {
		err = in.certs.reload(cfg)
	}
	if err != nil {
		if next != nil {
			_ = next.close(context.Background(), shared == nil)
		}
		in.log.Error("the configuration cannot be used; nothing was changed", "error", err)
		return
	}
	if in.options.Level != nil {
		in.options.Level.Set(cfg.Log.Level)
	}
	if shared == nil {
		for _, g := range in.running() { // a session that the next generation seals anew is still that of their streams
			g.vault.AlsoOpen(cfg.Session.Keys)
		}
	}
	in.replace(next)
	in.noteReload(cfg, old.cfg)
	in.log.Info("the configuration was read again")
}

// keepFixed gives a new configuration the values of the old one that a running process cannot change, and returns
// their keys.
func keepFixed(cfg, old *config.Config) (changed []string) {
	if cfg.OriginText() != old.OriginText() {
		changed = append(changed, "origin")
	}
	cfg.Origin = old.Origin
	keep(&changed, "listen", &cfg.Listen, old.Listen)
	keep(&changed, "admin", &cfg.Admin, old.Admin)
	keep(&changed, "session.prefix", &cfg.Session.Prefix, old.Session.Prefix)
	keep(&changed, "session.cookie", &cfg.Session.Cookie, old.Session.Cookie)
	keep(&changed, "log.format", &cfg.Log.Text, old.Log.Text)
	keep(&changed, "log.audit", &cfg.Log.Audit, old.Log.Audit)
	keep(&changed, "proxy.client", &cfg.Proxy.Standard, old.Proxy.Standard)
	keep(&changed, "telemetry", &cfg.Telemetry, old.Telemetry)
	keep(&changed, "tls.redirect", &cfg.TLS.Redirect, old.TLS.Redirect)
	if cfg.TLS.On() != old.TLS.On() || (cfg.TLS.ACME == nil) != (old.TLS.ACME == nil) ||
		cfg.TLS.ACME != nil && *cfg.TLS.ACME != *old.TLS.ACME {
		changed = append(changed, "tls")
		cfg.TLS = old.TLS
	}
	if !cfg.Session.Store.Equal(old.Session.Store) {
		changed = append(changed, "session.store")
		cfg.Session.Store = old.Session.Store
	}
	if old.Session.InMemory() && cfg.SessionChanged(old) { // a second vault would be another store
		changed = append(changed, "session")
		cfg.Session = old.Session
	}
	return changed
}

func keep[T comparable](changed *[]string, key string, to *T, old T) {
	if *to != old {
		*changed = append(*changed, key)
		*to = old
	}
}

// watchFiles reloads when a file of a secret or of a certificate has changed.
func (in *Instance) watchFiles(ctx context.Context) {
	if in.options.Reload == nil {
		return
	}
	tick := time.NewTicker(fileEvery)
	defer tick.Stop()
	day := time.NewTicker(certificateEvery)
	defer day.Stop()
	seen := look(in.now().cfg.Files())
	for {
		select {
		case <-ctx.Done():
			return
		case <-day.C:
			in.certs.warn(in.now().cfg)
			continue
		case <-tick.C:
		}
		found := look(in.now().cfg.Files())
		if !changed(seen, found) {
			continue
		}
		seen = found
		in.log.Info("a file that the configuration refers to has changed")
		in.Reload()
		if again := look(in.now().cfg.Files()); len(again) != len(seen) {
			seen = again // other files now
		}
	}
}

// look returns what the file system says of files; of one that is not there, nil.
func look(files []string) map[string]os.FileInfo {
	found := map[string]os.FileInfo{}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			info = nil
		}
		found[name] = info
	}
	return found
}

// changed reports whether a file of both is another, newer, or of another size.
func changed(before, now map[string]os.FileInfo) bool {
	for name, a := range before {
		b, ok := now[name]
		switch {
		case !ok:
		case (a == nil) != (b == nil):
			return true
		case a != nil && (!os.SameFile(a, b) || !a.ModTime().Equal(b.ModTime()) || a.Size() != b.Size()):
			return true
		}
	}
	return false
}
