package testenv_test

import (
	"testing"

	"bff/internal/testenv"
)

// A port that was given away is not given again at once, though nobody listens yet.
func TestFreePortsDiffer(t *testing.T) {
	given := map[int]bool{}
	for range 50 {
		port := testenv.FreePort(t)
		if given[port] {
			t.Fatalf("%d was given twice", port)
		}
		given[port] = true
	}
}
