package simulate

import (
	"context"
	"io"
	"reflect"
	"slices"
	"strings"

	"bff/internal/oauth/providers"
)

// Report prints the table of scenarios with these expectations.
func Report(w io.Writer, expected, happened []string) error {
	var all []result
	for i, e := range expected {
		all = append(all, result{scenario{name: "no. " + string(rune('0'+i)), expected: e}, happened[i], nil})
	}
	return report(w, all)
}

// Blind returns the keys of a file that no scenario would notice being wrong.
func Blind(ctx context.Context, p providers.Config, answers *Answers) ([]string, error) {
	st, err := newSimulation(p, answers)
	if err != nil {
		return nil, err
	}
	return st.blind(ctx), nil
}

// Keys are all keys that a provider's file may have, those apart that nothing can show to be wrong.
func Keys() (all []string) {
	var file providers.Config
	known := unnoticed(&file)
	var add func(t reflect.Type)
	add = func(t reflect.Type) {
		for i := range t.NumField() {
			name, options, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			switch {
			case options == "inline":
				add(t.Field(i).Type)
			case name != "" && name != "-" && known[name] == "":
				all = append(all, name)
			}
		}
	}
	add(reflect.TypeFor[providers.Config]())
	slices.Sort(all)
	return all
}

// KeysOf are the keys that a file has.
func KeysOf(p providers.Config) (all []string) {
	walk(reflect.ValueOf(p), "", func(key string, _ reflect.Value) { all = append(all, key) })
	return all
}
