package standin

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// maxIndex bounds the lists that a path makes.
const maxIndex = 16

// at reads a path of keys and indexes, "data.0.id", in decoded JSON; nil when there is nothing.
func at(in any, path string) any {
	for _, key := range keysOf(path) {
		switch v := in.(type) {
		case map[string]any:
			in = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			in = v[i]
		default:
			return nil
		}
	}
	return in
}

// put writes a value at a path, where there is none yet, and makes what leads there.
func put(in map[string]any, path string, v any) {
	if at(in, path) == nil {
		keys := keysOf(path)
		in[keys[0]] = place(in[keys[0]], keys[1:], v)
	}
}

// listed is an answer as a list, where its paths begin with an index.
func listed(answer map[string]any) any {
	first, ok := answer["0"]
	if !ok || len(answer) > 1 {
		return answer
	}
	return []any{first}
}

func keysOf(path string) []string { return strings.Split(strings.TrimPrefix(path, "$."), ".") }

func place(in any, keys []string, v any) any {
	if len(keys) == 0 {
		return v
	}
	if n, err := strconv.Atoi(keys[0]); err == nil && n >= 0 && n < maxIndex {
		list, _ := in.([]any)
		for len(list) <= n {
			list = append(list, nil)
		}
		list[n] = place(list[n], keys[1:], v)
		return list
	}
	m, ok := in.(map[string]any)
	if !ok {
		m = map[string]any{}
	}
	m[keys[0]] = place(m[keys[0]], keys[1:], v)
	return m
}

// text is a text, a number or a boolean as it would be printed; "" for anything else.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v)
	}
	return ""
}
