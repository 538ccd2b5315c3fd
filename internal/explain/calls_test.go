package explain_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bff/internal/audit"
	"bff/internal/explain"
)

// stepsOf is what the calls add to the story of an id.
func stepsOf(c *explain.Calls, id string, now time.Time) []explain.Step {
	s := explain.Story{ID: id}
	c.Tell(&s, now)
	return s.Events
}

func TestCallsThatWentWellAreExplainedFromMemoryByEachOfTheirIDs(t *testing.T) {
	now := time.Now()
	c := explain.NewCalls().Within(time.Hour)
	c.Add(explain.Carried{Began: now, Took: 12 * time.Millisecond, Request: "r1", Session: "s_1", User: "u_ada", Connection: "c_1",
		API: "calendar", Provider: "google", Allowed: "GET /list", Status: 404})
	c.Add(explain.Carried{Began: now.Add(time.Second), Request: "r2", API: "app", Allowed: "GET /socket"})
	for id, want := range map[string]int{"r1": 1, "s_1": 1, "u_ada": 1, "c_1": 1, "r2": 1, "s_2": 0, "": 0, "calendar": 0} {
		if got := stepsOf(c, id, now); len(got) != want {
			t.Errorf("%q has %d calls, want %d", id, len(got), want)
		}
	}
	one := stepsOf(c, "r1", now)[0]
	for _, want := range []string{"answered 404 after 12 ms", "`GET /list`", "This instance remembers it"} {
		if !strings.Contains(one.Why, want) {
			t.Errorf("%q lacks %q", one.Why, want)
		}
	}
	if one.Kind != audit.CallCarried || one.What == "" || one.API != "calendar" || one.Actor.Name != "u_ada" {
		t.Errorf("the call is shown as %+v", one)
	}
	if why := stepsOf(c, "r2", now)[0].Why; !strings.Contains(why, "WebSocket") {
		t.Error(why)
	}
	s := explain.Story{ID: "u_ada", Events: []explain.Step{{Event: audit.Event{Kind: audit.SignIn, At: now.Add(-time.Minute)}},
		{Event: audit.Event{Kind: audit.SessionEnded, At: now.Add(time.Minute)}}}}
	if c.Tell(&s, now); len(s.Events) != 3 || s.Events[1].Kind != audit.CallCarried {
		t.Errorf("the call stands not in its place among the events: %+v", s.Events)
	}
}

// What is kept of calls is bounded: by their number, by time, and in what is shown of one id.
func TestTheMemoryOfCallsIsBounded(t *testing.T) {
	now := time.Now()
	all := explain.NewCalls()
	c := all.Within(time.Hour)
	for i := range explain.MaxCalls + 10 {
		c.Add(explain.Carried{Began: now.Add(time.Duration(i) * time.Millisecond), Request: fmt.Sprint("r", i), User: "u_ada"})
	}
	for i, want := range map[int]int{0: 0, 9: 0, 10: 1, explain.MaxCalls + 9: 1} {
		if got := stepsOf(c, fmt.Sprint("r", i), now); len(got) != want {
			t.Errorf("call %d is shown %d times, want %d", i, len(got), want)
		}
	}
	of := stepsOf(c, "u_ada", now)
	if len(of) != explain.MaxEvents || of[len(of)-1].Request != fmt.Sprint("r", explain.MaxCalls+9) {
		t.Errorf("%d calls of one user are shown, want the last %d", len(of), explain.MaxEvents)
	}
	if got := stepsOf(all.Within(time.Minute), "r10", now.Add(2*time.Minute)); len(got) != 0 {
		t.Error("a call is shown that is older than what is kept")
	}
	if never := all.Within(0); never != nil || len(stepsOf(never, "u_ada", now)) != 0 {
		t.Error("`explain: 0` keeps calls")
	}
	call := explain.Carried{Began: now, Request: "r", User: "u_ada"}
	if n := testing.AllocsPerRun(100, func() { c.Add(call) }); n != 0 {
		t.Errorf("remembering a call allocates %v objects", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	c := explain.NewCalls().Within(time.Hour)
	call := explain.Carried{Began: time.Now(), Request: "r", User: "u_ada"}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			c.Add(call)
		}
	})
}
