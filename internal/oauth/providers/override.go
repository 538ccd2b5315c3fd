package providers

import (
	"reflect"
)

// Override lays given over base: every field that is set replaces the base's; maps are merged, also what stands in
// them by name. An issuer of its own leaves the base's endpoints behind, for they belong to another.
func Override(base, given Config) Config {
	out := base
	if given.Issuer != "" && given.Issuer != base.Issuer {
		out.Issuers, out.CallbackIssuer, out.Values = nil, "", Values{}
		out.Authorization.URL, out.Token.URL, out.Token.RefreshURL = "", "", ""
		out.Userinfo.URL, out.Revocation.URL = "", ""
		out.Shapes.LongLivedURL = ""
		out.JWKSURL, out.EndSessionURL, out.RISCURL = "", "", ""
	}
	overlay(reflect.ValueOf(&out).Elem(), reflect.ValueOf(given))
	for name, one := range given.Variables {
		if one.Value != "" && one.Ask == "" { // nobody is asked for what the operator says
			merged := out.Variables[name]
			merged.Ask = ""
			out.Variables[name] = merged
		}
	}
	return out
}

func overlay(to, from reflect.Value) {
	for i := range from.NumField() {
		switch f := from.Field(i); {
		case f.IsZero():
		case to.Type().Field(i).Tag.Get("yaml") == ",inline", grouped(f.Type()):
			overlay(to.Field(i), f)
		case f.Kind() == reflect.Map:
			merged := reflect.MakeMap(f.Type())
			for _, m := range []reflect.Value{to.Field(i), f} {
				for _, key := range m.MapKeys() {
					merged.SetMapIndex(key, laid(merged.MapIndex(key), m.MapIndex(key)))
				}
			}
			to.Field(i).Set(merged)
		default:
			to.Field(i).Set(f)
		}
	}
}

// laid is what a map has under a key that both have: of groups of fields, those that are given over the others.
func laid(base, given reflect.Value) reflect.Value {
	if !base.IsValid() || !grouped(given.Type()) {
		return given
	}
	out := reflect.New(given.Type()).Elem()
	out.Set(base)
	overlay(out, given)
	return out
}

// grouped reports whether a type is a group of fields of this package.
func grouped(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == reflect.TypeFor[Config]().PkgPath()
}
