package explain

import (
	"context"
	"encoding/json"
	"time"

	"bff/internal/audit"
)

// A Place is where calls may fail: the store, a provider, an upstream, the hook, or bff itself.
type Place struct {
	Kind PlaceKind
	Name string // of the provider or the api
}

// A PlaceKind says what a Place is.
type PlaceKind string

// The places.
const (
	AtStore    PlaceKind = "store"
	AtProvider PlaceKind = "provider"
	AtUpstream PlaceKind = "api"
	AtHook     PlaceKind = "hook"
	AtClient   PlaceKind = "client" // the provider refuses bff's own client: the configuration is wrong
	AtItself   PlaceKind = "bff"
)

// String names a place as `bff check` does.
func (p Place) String() string {
	switch p.Kind {
	case AtProvider, AtUpstream:
		return string(p.Kind) + " " + p.Name
	case AtClient:
		return "provider " + p.Name
	}
	return string(p.Kind)
}

// Whose says in words whose trouble it is when calls fail at a place.
func (p Place) Whose() string {
	switch p.Kind {
	case AtStore:
		return "the store"
	case AtProvider:
		return "the provider " + p.Name
	case AtUpstream:
		return "the upstream of " + p.Name
	case AtHook:
		return "the program behind users.hook"
	case AtClient:
		return "our configuration of the provider " + p.Name
	}
	return "bff itself"
}

// list is the name of the list of what failed there.
func (p Place) list() string { return "failures at " + string(p.Kind) + " " + p.Name }

// placeOf says where what failed failed. ok is false for what did not fail, or failed by the person's own doing.
func placeOf(e audit.Event) (p Place, ok bool) {
	switch e.Code {
	case "store_unavailable":
		return Place{Kind: AtStore}, true
	case "provider_unavailable":
		return Place{AtProvider, e.Provider}, true
	case "provider_misconfigured":
		return Place{AtClient, e.Provider}, true
	case "login_failed":
		return Place{AtProvider, e.Provider}, true
	case "upstream_failed", "upstream_timeout":
		return Place{AtUpstream, e.API}, true
	case "hook_failed":
		return Place{Kind: AtHook}, true
	case "internal":
		return Place{Kind: AtItself}, true
	}
	return Place{}, false
}

// Failures are those at one place since a moment.
type Failures struct {
	Place
	Count int  // of those that are kept, at most MaxEvents
	Last  Step // the latest
}

// FailuresSince reads what failed at the places since a moment, without those where nothing did.
func FailuresSince(ctx context.Context, store Store, places []Place, since time.Time) ([]Failures, error) {
	var all []Failures
	for _, p := range places {
		entries, err := store.Read(ctx, p.list())
		if err != nil {
			return nil, err
		}
		f := Failures{Place: p}
		for _, entry := range entries {
			var e audit.Event
			if json.Unmarshal(entry, &e) != nil || e.At.Before(since) {
				continue
			}
			f.Count++
			if !e.At.Before(f.Last.At) {
				f.Last = step(e)
			}
		}
		if f.Count > 0 {
			all = append(all, f)
		}
	}
	return all, nil
}
