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
	pipe := v.client.TxPipeline()
	pipe.HSet(ctx, v.keysKey(), view, now.UnixMilli())
	pipe.Expire(ctx, v.keysKey(), publishedFor)
	all := pipe.HGetAll(ctx, v.keysKey())
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, v.fault(ctx, err)
	}
	out := map[string]time.Time{}
	var old []string
	for name, at := range all.Val() {
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil || now.Sub(time.UnixMilli(ms)) > publishedFor || len(out) == maxPublished && name != view {
			old = append(old, name)
			continue
		}
		out[name] = time.UnixMilli(ms)
	}
	if len(old) > 0 {
		_ = v.client.HDel(ctx, v.keysKey(), old...).Err() // the next call tries again
	}
	return out, nil
}
