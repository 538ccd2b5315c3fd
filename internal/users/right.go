package users

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxRight is the length of a right in bytes, at most.
	MaxRight = 256
	// MaxRights is how many rights one source gives at most.
	MaxRights = 1024
)

// CheckRight says what is wrong with a right's name, nil when nothing is.
func CheckRight(name string) error {
	switch {
	case name == "":
		return errors.New("a right has a name")
	case len(name) > MaxRight:
		return errors.New("a right's name has at most 256 bytes")
	case !visible(name) || strings.TrimSpace(name) != name:
		return errors.New("a right's name has visible characters only, and no space around it")
	}
	return nil
}

// visible reports whether s is UTF-8 of characters that can be seen, and of spaces.
func visible(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// Union returns the rights of all sources, sorted, each once. It is never nil.
func Union(sources ...[]string) []string {
	all := []string{}
	for _, s := range sources {
		all = append(all, s...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// RightsHeader is the value of the header BFF-Rights: the rights, separated by commas. Within a right, a comma, a
// percent sign and every byte that is not visible ASCII are percent-encoded, so that no right looks like two.
func RightsHeader(rights []string) string {
	coded := make([]string, len(rights))
	for i, r := range rights {
		coded[i] = encodeRight(r)
	}
	return strings.Join(coded, ",")
}

func encodeRight(right string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(right) {
		c := right[i]
		if c < ' ' || c > '~' || c == ',' || c == '%' {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
