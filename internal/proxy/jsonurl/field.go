package jsonurl

import (
	"errors"
	"fmt"
	"strings"
)

// A Field is a place in JSON documents: names, and "*" for any element of an array.
type Field []step

type step struct {
	name  string
	array bool // any element
}

// Parse reads "$.paging.next", `$["@odata.nextLink"]`, "$.items[*].link": what RFC 9535 calls a singular query, with
// wildcards for elements. Its error says what to write.
func Parse(s string) (Field, error) {
	usage := fmt.Errorf("write the field as %s or %s", "$.paging.next", `$["@odata.nextLink"]`)
	rest, ok := strings.CutPrefix(s, "$")
	if !ok || rest == "" {
		return nil, usage
	}
	var path Field
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, "[*]"):
			path, rest = append(path, step{array: true}), rest[3:]
		case strings.HasPrefix(rest, "['"), strings.HasPrefix(rest, `["`):
			end := strings.Index(rest[2:], rest[1:2]+"]")
			if end < 0 {
				return nil, usage
			}
			path, rest = append(path, step{name: rest[2 : 2+end]}), rest[2+end+2:]
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			if end == 0 {
				return nil, usage
			}
			path, rest = append(path, step{name: rest[1 : 1+end]}), rest[1+end:]
		default:
			return nil, usage
		}
	}
	if len(path) > 32 {
		return nil, errors.New("a field lies at most 32 levels deep")
	}
	return path, nil
}
