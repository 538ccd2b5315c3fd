package archtest_test

import (
	"testing"

	"bff/internal/archtest"
)

// Lines end at 120 columns but for one in a hundred, and no function has more ways through it than a reader follows.
func TestLinesEndAndFunctionsBranchLittle(t *testing.T) {
	sources, err := archtest.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	if share := archtest.Wide(sources); share > 0.01 {
		t.Errorf("%.2f %% of the lines are longer than %d columns; 1 %% may be", share*100, archtest.Columns)
	}
	const most = 20
	for i, f := range archtest.Branchings(sources) {
		if f.Paths <= most && i >= 1 {
			break
		}
		if f.Paths > most {
			t.Errorf("%s has %d paths, more than %d: give a part of it a name", f.At, f.Paths, most)
		}
	}
}

// A reader can hold about 30 methods of one type in mind; more are several things that share a name, and their state.
func TestNoTypeHasMoreMethodsThanAReaderHolds(t *testing.T) {
	sources, err := archtest.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	const most = 30
	wider := map[string]int{ // what a type may offer although it is more, which only falls
		"internal/vault/store.Store":      57, // every command that the vault gives to Redis: nobody else opens it
		"internal/oauth/providers.Config": 32, // YAML keys of one level are structs that are embedded
	}
	types := archtest.Types(sources)
	if len(types) < 100 {
		t.Fatalf("only %d types were read", len(types))
	}
	for _, one := range types {
		if one.Methods > most || one.Offered > max(most, wider[one.Name]) {
			t.Errorf("%s has %d methods and offers %d, more than %d: split off a part, with the state that it needs, and "+
				"name it instead of embedding it", one.Name, one.Methods, one.Offered, most)
		}
	}
}

// A test waits by testenv.Eventually, Receive or Finished, or by a select with a bound, and says what it waited for.
func TestEveryWaitOfATestHasABound(t *testing.T) {
	sources, err := archtest.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	if all := archtest.Waits(sources); len(all) > 0 {
		t.Errorf("these wait for as long as it takes: %q", all)
	}
}

// One word for one concept, from the glossary in ARCHITECTURE.md, in plain present-day English.
func TestNoNameIsOfAWordThatWasReplaced(t *testing.T) {
	sources, err := archtest.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range archtest.Replaced(sources) {
		t.Errorf("%s: the glossary has another word for it", at)
	}
}
