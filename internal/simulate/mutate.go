package simulate

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"bff/internal/oauth/providers"
)

// A mutant is a provider file with one fact that is wrong.
type mutant struct {
	key  string // "grant_errors.token_revoked"
	file providers.Config
}

// unnoticed are the keys whose value no scenario can show to be wrong, with the reason. docs/providers-try.md has the list.
func unnoticed(file *providers.Config) map[string]string {
	list := map[string]string{
		"keep":  "it is the operator's choice, and nothing of the provider",
		"about": "it is for people to read",
	}
	for _, key := range notPlayed() {
		list[key] = "the stand-in does not play it"
	}
	for _, key := range valueKeys() {
		list[key] = "a trial has accounts at one host; what differs between accounts is filled in with examples"
	}
	if file.Operated() {
		list["error_field"] = "whatever the word, a refusal of the operator's credential is the operator's to correct"
		list["title"] = "nobody links an account there, so nobody reads it"
		list["subject"] = "the credential is the application's, and nobody reads whose account that is"
		list["profile"] = list["subject"]
	}
	if file.Token.KeepsOld() {
		list["rotates"] = "the old refresh token works again, and where an answer is lost bff tries it once whatever the file says"
		list["reuse_leeway"] = list["rotates"]
	}
	if file.Client.Auth != providers.PrivateKeyJWT && file.Client.Auth != providers.SignedSecret {
		for _, key := range []string{"assertion_audience", "client_key_id"} {
			list[key] = "it counts for `private_key_jwt` alone, which the file does not have"
		}
	}
	return list
}

// notPlayed are the keys that the stand-in does not know. A file that has one is played as if it had not, which the
// output says: its scenarios may fail for that alone. When a token of weeks is exchanged ahead of its end, no trial waits
// for.
func notPlayed() []string { return []string{"refresh_ahead"} }

// notPlayedOf are those of them that a file has.
func notPlayedOf(file *providers.Config) (all []string) {
	walk(reflect.ValueOf(file).Elem(), "", func(key string, _ reflect.Value) {
		if slices.Contains(notPlayed(), key) {
			all = append(all, "`"+key+"`")
		}
	})
	return all
}

// mutants are the copies of a file with one wrong fact each. Only what the file says is made wrong.
func mutants(file providers.Config) (all []mutant) {
	walk(reflect.ValueOf(&file).Elem(), "", func(key string, v reflect.Value) {
		before := reflect.New(v.Type()).Elem()
		before.Set(v)
		for _, other := range wrong(key, v) {
			v.Set(other.value)
			all = append(all, mutant{key + other.below, clone(file)})
			v.Set(before)
		}
	})
	return all
}

// clone copies what a mutant changes in place: fields are replaced as wholes, so a plain copy is one.
func clone(file providers.Config) providers.Config { return file }

// walk calls f with every key of a file that is set.
func walk(in reflect.Value, path string, f func(key string, v reflect.Value)) {
	for i := range in.NumField() {
		name, options, _ := strings.Cut(in.Type().Field(i).Tag.Get("yaml"), ",")
		switch v := in.Field(i); {
		case v.IsZero():
		case options == "inline":
			walk(v, path, f)
		case name == "" || name == "-" || name == "about":
		default:
			f(path+name, v)
		}
	}
}

// A wrongValue is a value that a key should not have. below is the part of the key that is wrong.
type wrongValue struct {
	below string
	value reflect.Value
}

// wrong makes wrong values of a key's value: another word, another address, without an entry, with another one.
func wrong(key string, v reflect.Value) (all []wrongValue) {
	add := func(below string, value any) {
		all = append(all, wrongValue{below, reflect.ValueOf(value).Convert(v.Type())})
	}
	switch value := v.Interface().(type) {
	case time.Duration:
		if key == "reuse_leeway" {
			add("", time.Duration(0))
		} else {
			add("", 2*value+time.Hour)
		}
	case bool:
		add("", !value)
	case int:
		add("", value+1)
	case []string:
		for i := range value {
			changed := slices.Clone(value)
			changed[i] = wrongText(key, changed[i])
			add("."+value[i], changed)
		}
	case map[string]string:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			changed := maps.Clone(value)
			changed[name] = wrongText(key, changed[name])
			add("."+name, changed)
			if key != "profile" { // whose names are bff's
				without := maps.Clone(value)
				delete(without, name)
				add("."+name, without)
			}
		}
	case map[string][]string:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			without := maps.Clone(value)
			delete(without, name)
			add("."+name, without)
		}
	default:
		if v.Kind() == reflect.String {
			add("", wrongText(key, v.String()))
			break
		}
		all = wrongParts(key, v)
	}
	return all
}

// wrongParts makes wrong values of a list or a map of groups, one field wrong in each.
func wrongParts(key string, v reflect.Value) (all []wrongValue) {
	parts := func(name string, element reflect.Value, put func(reflect.Value) reflect.Value) {
		changed := reflect.New(element.Type()).Elem()
		changed.Set(element)
		walk(changed, "", func(field string, inner reflect.Value) {
			before := reflect.New(inner.Type()).Elem()
			before.Set(inner)
			for _, other := range wrong(field, inner) {
				inner.Set(other.value)
				all = append(all, wrongValue{"." + name + "." + field + other.below, put(changed)})
				inner.Set(before)
			}
		})
	}
	switch {
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		for i := range v.Len() {
			parts(fmt.Sprint(i), v.Index(i), func(element reflect.Value) reflect.Value {
				out := reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v)
				out.Index(i).Set(element)
				return out
			})
		}
	case v.Kind() == reflect.Map && v.Type().Elem().Kind() == reflect.Struct:
		for _, name := range v.MapKeys() {
			parts(name.String(), v.MapIndex(name), func(element reflect.Value) reflect.Value {
				out := reflect.MakeMap(v.Type())
				for _, other := range v.MapKeys() {
					out.SetMapIndex(other, v.MapIndex(other))
				}
				kept := reflect.New(element.Type()).Elem()
				kept.Set(element)
				out.SetMapIndex(name, kept)
				return out
			})
		}
	case v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct:
		parts("", v.Elem(), func(element reflect.Value) reflect.Value {
			out := reflect.New(element.Type())
			out.Elem().Set(element)
			return out
		})
	}
	return all
}

// wrongText is another value for a text: for one of a few words another of them, for an address another path.
func wrongText(key, was string) string {
	other := map[string][]string{
		"client_auth": {"client_secret_basic", "client_secret_post"}, "pkce": {""}, "token_method": {"GET", "POST"},
		"refresh_method": {"GET", "POST"}, "long_lived_method": {"GET", "POST"}, "refresh_with": {""},
		"granted_scopes": {""}, "auth": {"api_key", "basic"}, "rotates": {"never", "always"},
		"token_body": {"form", "json"}, "userinfo_method": {"GET", "POST"}, "revocation_method": {"POST", "DELETE"},
		"revocation_auth": {"client", "bearer", "basic"}, "revocation_body": {"form", "json"},
		"revocation_token": {"refresh", "access"}, "keep": {"user", "session"}, "reason": {"revoked", "session_policy"},
		"grant_errors": {"revoked", "session_policy"}, "scope_separator": {"|"},
	}[key]
	for _, word := range other {
		if word != was {
			return word
		}
	}
	if before, after, ok := strings.Cut(was, "?"); ok && strings.HasPrefix(was, "https://") {
		return before + "-wrong?" + after
	}
	if strings.HasSuffix(was, "}") && strings.HasPrefix(was, "https://") {
		return strings.Replace(was, "/{", "/wrong/{", 1)
	}
	if base, ok := strings.CutSuffix(was, "/"); ok {
		return base + "-wrong/"
	}
	return was + "-wrong"
}

// blind plays every mutant of the file in the scenarios that show facts, and returns the keys that could be wrong
// without any of them showing it.
func (st *simulation) blind(ctx context.Context) []string {
	all := mutants(st.played.given)
	seen := make([]bool, len(all))
	var facts []scenario
	for _, sc := range st.played.scenarios() {
		if sc.fact {
			facts = append(facts, sc)
		}
	}
	st.slots.each(len(all), func(i int) {
		file := all[i].file
		if file.Issuer == "" {
			file.Issuer = st.played.file.Issuer
		}
		seen[i] = slices.ContainsFunc(first(facts, all[i].key), func(sc scenario) bool {
			happened, _ := st.play(ctx, file, sc)
			return happened != sc.expected
		})
	})
	var out []string
	known := unnoticed(&st.played.given)
	for i, m := range all {
		top, _, _ := strings.Cut(m.key, ".")
		if !seen[i] && known[top] == "" && !slices.Contains(out, m.key) {
			out = append(out, m.key)
		}
	}
	return out
}

// warn prints the keys that no scenario would notice being wrong.
func (st *simulation) warn(w io.Writer, keys []string) {
	for _, key := range keys {
		_, _ = fmt.Fprintf(w, "warning  %s could be wrong, and no scenario would notice: compare it with the provider's documentation\n",
			cmp.Or(key, "a key"))
	}
}
