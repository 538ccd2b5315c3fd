package claims

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
)

// An Object is a JSON object whose numbers are as they were written: an id may have more digits than a float.
type Object map[string]any

// Parse reads a JSON object. A byte order mark in front of it is ignored, as RFC 8259 section 8.1 allows.
func Parse(b []byte) (Object, error) {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
	d.UseNumber()
	var o Object
	if err := d.Decode(&o); err != nil || o == nil {
		return nil, errors.New("not a JSON object")
	}
	return o, nil
}

// At reads a path of keys, "data.user.id". An index selects from a list, "errors.0.code". nil when there is nothing.
// "$." in front is allowed.
func (o Object) At(path string) any {
	return at(map[string]any(o), strings.TrimPrefix(path, "$."))
}

// Text reads a text or a number at a path; "" when it is anything else.
func (o Object) Text(path string) string { return Text(o.At(path)) }

// Joined reads a value that may be of several parts, "team.id+user.id", each of which must be there, joined by "/".
func (o Object) Joined(paths string) string {
	var parts []string
	for _, path := range strings.Split(paths, "+") {
		part := o.Text(path)
		if part == "" {
			return ""
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "/")
}

// Text is v when it is a text, or a number as it was written; else "".
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// str reads a claim that must be a text.
func (o Object) str(name string) string {
	s, _ := o[name].(string)
	return s
}

// has reports whether a claim is there and not null.
func (o Object) has(name string) bool { return o[name] != nil }

// Time reads a NumericDate (RFC 7519 section 2), also one that is written as a text. Zero when it is none.
func (o Object) Time(name string) time.Time {
	s, err := strconv.ParseFloat(Text(o[name]), 64)
	if err != nil || !(s > 0 && s <= 1<<40) {
		return time.Time{}
	}
	return time.Unix(int64(s), 0)
}

// audience is `aud`: one text or several (RFC 7519 section 4.1.3). nil when it is neither.
func (o Object) audience() []string {
	switch a := o["aud"].(type) {
	case string:
		return []string{a}
	case []any:
		var all []string
		for _, v := range a {
			s, ok := v.(string)
			if !ok {
				return nil
			}
			all = append(all, s)
		}
		return all
	}
	return nil
}

// ParseUnverified reads the claims of a JWT without its signature: they prove nothing, and may only make something be
// refused.
func ParseUnverified(raw string) (Object, error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, errors.New("not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, errors.New("not a JWT")
	}
	return Parse(payload)
}
