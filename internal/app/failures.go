package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"bff/internal/explain"
	"bff/internal/probe"
)

// recentTime is how far back a check looks for failures.
const recentTime = time.Hour

// recentFailures says where calls and sign-ins of all instances failed lately, as explanations have it.
func (g *generation) recentFailures(ctx context.Context, out *probe.Printer, now time.Time) (at []explain.Place) {
	if g.cfg.Explain == 0 {
		return nil
	}
	places := []explain.Place{{Kind: explain.AtStore}, {Kind: explain.AtHook}, {Kind: explain.AtItself}}
	for _, p := range g.cfg.Providers {
		places = append(places, explain.Place{Kind: explain.AtProvider, Name: p.Name},
			explain.Place{Kind: explain.AtClient, Name: p.Name})
	}
	for _, a := range g.cfg.APIs {
		places = append(places, explain.Place{Kind: explain.AtUpstream, Name: a.Name})
	}
	ctx, cancel := context.WithTimeout(ctx, probe.Timeout)
	defer cancel()
	all, err := explain.FailuresSince(ctx, g.vault.Explanations, places, now.Add(-recentTime))
	if err != nil { // it was there a moment ago
		return []explain.Place{{Kind: explain.AtStore}}
	}
	for _, f := range all {
		out.Say("warning", f.Place.String(), inWords(f))
		at = append(at, f.Place)
	}
	return at
}

func inWords(f explain.Failures) string {
	count := "1 call or sign-in"
	switch {
	case f.Count >= explain.MaxEvents:
		count = fmt.Sprintf("%d calls or sign-ins or more", f.Count)
	case f.Count > 1:
		count = fmt.Sprintf("%d calls or sign-ins", f.Count)
	}
	text := fmt.Sprintf("%s failed there within the last hour, the last at %s: %s", count,
		f.Last.At.UTC().Format(time.RFC3339), f.Last.Why)
	if f.Last.Request != "" {
		text += " See `bff explain " + f.Last.Request + "`."
	}
	return text
}

// placeOf is the place that a check calls by a name: "provider acme", "api things".
func placeOf(what string) explain.Place {
	kind, name, _ := strings.Cut(what, " ")
	return explain.Place{Kind: explain.PlaceKind(kind), Name: name}
}

// whose names the places, each once.
func whose(at []explain.Place) string {
	var names []string
	for _, p := range at {
		name := p.Whose()
		if p.Kind == "frontend" {
			name = "the program behind frontend.upstream"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, "; ")
}
