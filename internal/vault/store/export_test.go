package store

import "context"

// Judge is what Examine says of a store whose INFO has these fields.
func (s *Store) Judge(ctx context.Context, facts map[string]string) (server string, warnings []string) {
	return s.server(ctx, facts), s.warnings(ctx, facts)
}
