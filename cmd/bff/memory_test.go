package main_test

import (
	"runtime"
	"testing"

	bff "bff/cmd/bff"
)

func TestRoomForGarbageIsTheOperatorsWord(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for _, row := range []struct {
		name string
		env  map[string]string
		room bool
	}{
		{"nothing is said", nil, true},
		{"GOGC is set", map[string]string{"GOGC": "50"}, false},
	} {
		before := heap()
		release := bff.RoomForGarbage(func(name string) string { return row.env[name] })
		if got := heap() > before+8<<20; got != row.room {
			t.Errorf("%s: room is %v", row.name, got)
		}
		release()
	}
}
