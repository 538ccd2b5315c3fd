package users

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

const (
	maxPath  = 256 // bytes of a path
	maxSteps = 8   // names in a path
)

// CheckClaim says what is wrong with the path of a claim, nil when nothing is. A path is the name of a claim, or names
// joined by dots (realm_access.roles); a name that holds dots itself, such as https://example.com/roles, is found too.
func CheckClaim(path string) error {
	switch {
	case path == "" || strings.HasPrefix(path, ".") || strings.HasSuffix(path, ".") || strings.Contains(path, ".."):
		return errors.New("a claim has a name, or names joined by dots: realm_access.roles")
	case len(path) > maxPath || strings.Count(path, ".") >= maxSteps:
		return errors.New("the path of a claim has at most 8 names and 256 bytes")
	}
	return nil
}

// claimHolds reports whether the claim is the value, or a list that holds it.
func claimHolds(claims map[string]any, path, value string) bool {
	found := false
	walk(claims, path, func(v any) bool {
		text, ok := scalar(v)
		found = ok && text == value
		return !found
	})
	return found
}

// claimStrings returns the strings of a claim that can be rights. A claim that is something else has none.
func claimStrings(claims map[string]any, path string) []string {
	var all []string
	walk(claims, path, func(v any) bool {
		if s, ok := v.(string); ok && CheckRight(s) == nil {
			all = append(all, s)
		}
		return len(all) < MaxRights
	})
	return all
}

// walk visits the values of the path, those of lists one by one, until visit says false. Of an object's names the
// longest that begins the path counts, so that of two readings of a path there is always the same one.
func walk(v any, path string, visit func(any) bool) bool {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			if _, nested := element.([]any); nested {
				continue // no provider nests lists; what it would mean is not known
			}
			if !walk(element, path, visit) {
				return false
			}
		}
		return true
	case map[string]any:
		if path == "" {
			return true // an object is no value
		}
		name, rest := longestName(v, path)
		if name == "" {
			return true
		}
		return walk(v[name], rest, visit)
	}
	if path != "" || v == nil {
		return true
	}
	return visit(v)
}

// longestName splits the path behind the longest name that the object has.
func longestName(object map[string]any, path string) (name, rest string) {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		if _, ok := object[path[:end]]; ok {
			return path[:end], strings.TrimPrefix(path[end:], ".")
		}
	}
	return "", ""
}

// scalar is a string, number or boolean as it is compared with a rule's value.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}
