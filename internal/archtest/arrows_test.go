package archtest_test

import (
	"testing"

	"bff/internal/archtest"
)

// Of the arrows between the files of a package at most a tenth, or two, run back up: a file can be read before those
// that use it.
func TestFewArrowsInsideAPackageRunBackUp(t *testing.T) {
	sources, err := archtest.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	packages, err := archtest.Insides(root, sources)
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 50 {
		t.Fatalf("only %d packages were read", len(packages))
	}
	for _, p := range packages {
		t.Logf("%s: %d arrows, %d back", p.Package, p.Arrows, len(p.Back))
		if may := max(p.Arrows/10, 2); len(p.Back) > may {
			t.Errorf("in %s %d of %d arrows between files run back up, more than %d: %v; give what both need a file of "+
				"its own, below them", p.Package, len(p.Back), p.Arrows, may, p.Back)
		}
	}
}

func TestArrowsRunBackUpWhereFilesStandInACircle(t *testing.T) {
	for name, of := range map[string]struct {
		arrows []archtest.Arrow
		back   int
	}{
		"a line, whatever the names": {[]archtest.Arrow{{"c", "a"}, {"a", "b"}, {"c", "b"}}, 0},
		"two that use each other":    {[]archtest.Arrow{{"a", "b"}, {"b", "a"}}, 1},
		"a circle of three":          {[]archtest.Arrow{{"a", "b"}, {"b", "c"}, {"c", "a"}}, 1},
		"two circles with one arrow in common": {
			[]archtest.Arrow{{"a", "b"}, {"b", "c"}, {"c", "a"}, {"b", "d"}, {"d", "a"}}, 1},
	} {
		if got := archtest.Back(of.arrows); len(got) != of.back {
			t.Errorf("%s: %v run back up, want %d", name, got, of.back)
		}
	}
}
