package store

import (
	"context"
	"time"
)

// Judge is what Examine says of a store whose INFO has these fields.
func (s *Store) Judge(ctx context.Context, facts map[string]string) (server string, warnings []string) {
	return s.name(ctx, facts), s.warnings(ctx, facts)
}

// TrackIdly is Track with signs of life idle apart while nobody asks.
func (s *Store) TrackIdly(to Reports, idle time.Duration) *Tracker { return s.track(to, idle) }

// Behind says whether changes may be unreported, and asks for nothing.
func (w *Watch) Behind() bool { return w.t.Since() >= w.until.Load() }
