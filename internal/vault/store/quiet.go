package store

import (
	"context"
	"io"
	"log"

	"github.com/redis/go-redis/v9"
)

// Quiet keeps go-redis from printing to standard error by itself: what it has to say comes back as errors. For main.
func Quiet() { redis.SetLogger(quiet{log.New(io.Discard, "", 0)}) }

type quiet struct{ *log.Logger }

func (quiet) Printf(context.Context, string, ...interface{}) {}
