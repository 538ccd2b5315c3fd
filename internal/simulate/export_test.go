package simulate

import (
	"io"
	"strconv"
)

// Report prints the table of scenarios with these expectations.
func Report(w io.Writer, expected, happened []string) error {
	var all []scenario
	for i, e := range expected {
		all = append(all, scenario{name: "no. " + strconv.Itoa(i), expected: e})
	}
	return report(w, all, happened)
}
