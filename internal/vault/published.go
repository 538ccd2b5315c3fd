package vault

import (
	"context"
	"strconv"
	"time"
)

const (
	publishedFor = 24 * time.Hour
	maxPublished = 64 // lists that are read; there are as many as rings of the last day
)

// PublishKeys notes that view, a list of the ids of public keys, is published now, and returns when each list was
// last published, view included. Lists that nobody has published for a day are forgotten. What it keeps is public and
// decides nothing but which key signs.
func (v *Vault) PublishKeys(ctx context.Context, view string) (map[string]time.Time, error) {
	now := v.now()
	all, err := v.db.Note(ctx, v.db.Global("j"), view, now.UnixMilli(), publishedFor)
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	var old []string
	for name, at := range all {
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil || now.Sub(time.UnixMilli(ms)) > publishedFor || len(out) == maxPublished && name != view {
			old = append(old, name)
			continue
		}
		out[name] = time.UnixMilli(ms)
	}
	if len(old) > 0 {
		_ = v.db.DeleteFields(ctx, v.db.Global("j"), old...) // the next call tries again
	}
	return out, nil
}
