package cli

import (
	"context"
	"fmt"
	"io"
)

// Exit codes.
const (
	Fine   = 0
	Failed = 1 // while running
	Wrong  = 2 // usage or configuration
)

// A Shell is what a command sees of the world.
type Shell struct {
	Context        context.Context
	Env            func(string) string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// An exit is how a command ends that did not end well. The text, if any, goes to standard error.
type exit struct {
	code int
	text string
}

func (e *exit) Error() string { return e.text }

// WrongUse is an error of usage or configuration: exit code 2, and the text as it is.
func WrongUse(format string, args ...any) error {
	return &exit{Wrong, fmt.Sprintf(format, args...)}
}

// Failure ends a command with exit code 1 and a text, which may be empty where standard output has said it.
func Failure(text string) error { return &exit{Failed, text} }

// RunError is an error that happened while running, nil for nil: exit code 1, and its text behind the program's name.
func RunError(err error) error {
	if err == nil {
		return nil
	}
	return Failure("bff: " + err.Error())
}

// Many says how many there are of something: "1 line", "2 lines".
func Many(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
