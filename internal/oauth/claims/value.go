package claims

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// ParseValue reads any JSON value, a list too. Numbers are as they were written.
func ParseValue(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return nil, errors.New("not JSON")
	}
	return v, nil
}

// ParseAnswer reads a JSON object, or a list as an object of its indices: "0.id" is a path in it.
func ParseAnswer(b []byte) (Object, error) {
	v, err := ParseValue(b)
	if list, ok := v.([]any); ok && err == nil {
		o := make(Object, len(list))
		for i, one := range list {
			o[strconv.Itoa(i)] = one
		}
		return o, nil
	}
	return Parse(b)
}

var brackets = strings.NewReplacer("[", ".", "]", "")

// ValueAt reads a path in a JSON value: "data.user.id", "0.id", "$.sites[0].url". nil when there is nothing.
func ValueAt(v any, path string) any {
	path = strings.TrimPrefix(brackets.Replace(path), "$")
	return at(v, strings.TrimPrefix(path, "."))
}

// at reads keys and indices with dots between them.
func at(v any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}
