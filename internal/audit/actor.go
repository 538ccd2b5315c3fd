package audit

import "context"

type actorKey struct{}

// As returns a context of what a causes. Whoever authenticates a caller puts it there, once, so that what is done below
// need not be given it.
func As(ctx context.Context, a Actor) context.Context { return context.WithValue(ctx, actorKey{}, a) }

// By returns the actor that [As] put into ctx, or else bff itself.
func By(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	if a.Kind == "" {
		a.Kind = ByBFF
	}
	return a
}
