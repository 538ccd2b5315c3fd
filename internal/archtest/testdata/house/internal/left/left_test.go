package left // breaks: a test from inside

import (
	"testing"
	"time"
)

func TestPlanted(t *testing.T) {
	time.Sleep(1) // breaks: time.Sleep in a test
	t.Skip()      // breaks: a skipped test
}
