package store

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// spans makes a span of every command that belongs to a trace which is recorded. A span says the command's name and
// whether it failed: no key, no value, no address and no text of an error.
type spans struct{}

// DialHook implements [redis.Hook]: dialling has no span.
func (spans) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (spans) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, span := begin(ctx, strings.ToUpper(cmd.FullName()), 1)
		if span == nil {
			return next(ctx, cmd)
		}
		err := next(ctx, cmd)
		end(span, err)
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (spans) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, span := begin(ctx, "PIPELINE", len(cmds))
		if span == nil {
			return next(ctx, cmds)
		}
		err := next(ctx, cmds)
		end(span, err)
		return err
	}
}

// begin starts a span below the one of ctx. It is nil where none is recorded there: what nobody asked for, such as a
// ping, begins no trace.
func begin(ctx context.Context, operation string, commands int) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, nil
	}
	return parent.TracerProvider().Tracer("bff/store").Start(ctx, "store "+operation,
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", operation),
			attribute.Int("db.redis.num_cmd", commands)))
}

// end ends a span. That there is no such key, and that a script is not loaded yet, are no failures.
func end(span trace.Span, err error) {
	if err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "NOSCRIPT") {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// recorded reports whether ctx is within a trace that is recorded.
func recorded(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }
