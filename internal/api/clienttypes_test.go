package api_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"bff/internal/api"
)

var (
	typedefOf  = regexp.MustCompile(`^ \* @typedef \{object\} (\w+)`)
	propertyOf = regexp.MustCompile(`^ \* @property \{.*?\} (\[?)(\w+)\]?( |$)`)
)

// clientTypes are the shapes that web/client/types.js declares: the fields of each, and whether they may be absent.
func clientTypes(t *testing.T) map[string]map[string]bool {
	t.Helper()
	raw, err := os.ReadFile("../../web/client/types.js")
	if err != nil {
		t.Fatal(err)
	}
	all, now := map[string]map[string]bool{}, ""
	for line := range strings.SplitSeq(string(raw), "\n") {
		if m := typedefOf.FindStringSubmatch(line); m != nil {
			now = m[1]
			all[now] = map[string]bool{}
		} else if m := propertyOf.FindStringSubmatch(line); m != nil {
			all[now][m[2]] = m[1] != ""
		}
	}
	return all
}

// The client's types have every field that the server may send and no other, and what may be absent is optional.
func TestTheClientsTypesAreWhatIsSent(t *testing.T) {
	declared := clientTypes(t)
	for name, sent := range api.AnswerTypes() {
		fields := map[string]bool{}
		for f := range reflect.VisibleFields(sent) {
			tag, options, _ := strings.Cut(reflect.VisibleFields(sent)[f].Tag.Get("json"), ",")
			if tag == "" || tag == "-" {
				continue
			}
			absent := strings.Contains(options, "omit")
			fields[tag] = absent
			optional, there := declared[name][tag]
			if !there {
				t.Errorf("%s.%s is sent and not declared", name, tag)
			} else if absent && !optional {
				t.Errorf("%s.%s may be absent and is declared as always there", name, tag)
			} else if optional && !absent && name != "Problem" { // a client makes problems of its own
				t.Errorf("%s.%s is always there and is declared as optional", name, tag)
			}
		}
		for field := range declared[name] {
			if _, there := fields[field]; !there {
				t.Errorf("%s.%s is declared and never sent", name, field)
			}
		}
		if len(fields) == 0 || len(declared[name]) == 0 {
			t.Errorf("%s: %d fields are sent, %d declared", name, len(fields), len(declared[name]))
		}
	}
}
