package providers

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"bff/internal/oauth/address"
	"bff/internal/oauth/claims"
)

// keepable reports whether a text can be kept, as the value of that name.
func (v *Values) keepable(name, text string) bool {
	if len(text) > MaxValue || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return false
	}
	one, declared := v.Variables[name]
	return !declared || one.Matches(text)
}

// keep adds to values what is found for each name. A place that holds nothing leaves what is there.
func (v *Values) keep(values, from map[string]string, find func(path string) string) error {
	for _, name := range slices.Sorted(maps.Keys(from)) {
		switch text := find(from[name]); {
		case text == "":
		case !v.keepable(name, text):
			return errors.New("the value of `" + name + "` is none that can be kept, or is not of its `pattern`")
		default:
			values[name] = text
		}
	}
	return nil
}

// sources are the names whose values come from one kind of answer, with where they are in it.
func (v *Values) sources(prefix string) map[string]string {
	out := map[string]string{}
	for name, from := range v.KeepValues {
		if path, ok := strings.CutPrefix(from, prefix); ok {
			out[name] = path
		}
	}
	return out
}

// KeepsUserinfo reports whether values are kept that only userinfo says.
func (v *Values) KeepsUserinfo() bool { return len(v.sources(FromUserinfo)) > 0 }

// KeepCallback adds to values what the way back says. A parameter that is there twice says nothing.
func (v *Values) KeepCallback(values map[string]string, q url.Values) error {
	return v.keep(values, v.sources(FromCallback), func(name string) string {
		if len(q[name]) != 1 {
			return ""
		}
		return q.Get(name)
	})
}

// KeepToken adds to values what a token answer says.
func (v *Values) KeepToken(values map[string]string, answer claims.Object) error {
	return v.keep(values, v.sources(FromToken), func(path string) string {
		return claims.Text(claims.ValueAt(map[string]any(answer), path))
	})
}

// KeepUserinfo adds to values what says whose account it is.
func (v *Values) KeepUserinfo(values map[string]string, info claims.Object) error {
	return v.keep(values, v.sources(FromUserinfo), func(path string) string {
		return claims.Text(claims.ValueAt(map[string]any(info), path))
	})
}

// Complete says which value an api needs and the account lacks, or which of them leads to a host that is none of the
// provider's.
func (v *Values) Complete(values map[string]string) error {
	for _, template := range v.Upstreams {
		_, err := v.Place(template, values)
		if errors.Is(err, address.ErrMissing) {
			for _, name := range address.Names(template) {
				if values[name] == "" {
					return errors.New("no answer has the value `" + name + "`, which an api needs")
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// KeepAnswer adds to values what the answer to the request of [KeepRequest] says.
func (v *Values) KeepAnswer(values map[string]string, answer any) error {
	return v.keep(values, v.KeepRequest.Values, func(path string) string {
		return claims.Text(claims.ValueAt(answer, path))
	})
}
