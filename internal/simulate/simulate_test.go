package simulate_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"bff/internal/config"
	"bff/internal/oauth/providers"
	"bff/internal/simulate"
)

// read reads a provider file of testdata, or a built-in provider.
func read(t *testing.T, name string) providers.Config {
	t.Helper()
	if p, ok := providers.Builtin(name); ok {
		return p
	}
	p, _, report := config.ReadProvider("testdata/"+name+".yaml", func(string) string { return "secret" }, "")
	if report != "" {
		t.Fatal(report)
	}
	return p
}

// shapes are providers of different kinds; recorded_test.go and `bff provider simulate --all` play those that are built in.
func shapes() []string {
	return []string{"full", "openid", "shaped", "exchanged", "signed", "public", "key", "password", "google"}
}

// Every scenario goes as expected, whatever goes wrong at the provider.
func TestEveryScenarioGoesAsExpected(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"full", "openid", "key"} { // the rest: bff provider simulate --all
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := simulate.Run(t.Context(), read(t, name), simulate.Options{File: name, Trust: true}, &out)
			if err != nil || !strings.Contains(out.String(), "The stand-in follows "+name) {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}

// A provider that one runs oneself, on this machine and without TLS, is played like any other.
func TestAProviderOfThisMachineIsPlayed(t *testing.T) {
	t.Parallel()
	p := read(t, "openid")
	p.Issuer = "http://localhost:8180/realms/app"
	var out bytes.Buffer
	if err := simulate.Run(t.Context(), p, simulate.Options{File: "openid", Trust: true}, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// What a file says decides what happens: each key that is wrong changes the table, and none can be wrong unnoticed.
func TestAWrongFactChangesTheTable(t *testing.T) {
	t.Parallel()
	// Those that are built in have keys by which one scenario alone goes otherwise.
	builtin := []string{"atlassian", "facebook", "instagram", "microsoft", "quickbooks", "strava", "zoho"}
	for _, name := range append(shapes(), builtin...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := simulate.Run(t.Context(), read(t, name), simulate.Options{File: name, Facts: true}, &out); err != nil {
				t.Errorf("%v\n%s", err, out.String())
			}
			for line := range strings.Lines(out.String()) {
				if strings.HasPrefix(line, "warning") {
					t.Error(line)
				}
			}
		})
	}
}

// A key that providers.Config gets is played, or it is in the list of those that cannot be.
func TestEveryKeyOfAFileIsPlayed(t *testing.T) {
	var played []string
	for _, name := range shapes() {
		played = append(played, simulate.KeysOf(read(t, name))...)
	}
	for _, key := range simulate.Keys() {
		if !slices.Contains(played, key) {
			t.Errorf("no file of this test has `%s`: write it into one of testdata, and play it in internal/simulate/standin", key)
		}
	}
}

// What happened otherwise is printed, and fails the command.
func TestTheTableReportsWhatDiffers(t *testing.T) {
	var b bytes.Buffer
	err := simulate.Report(&b, []string{"200", "503"}, []string{"200", "401"})
	want := "         SCENARIO   EXPECTED   HAPPENED\nok       no. 0      200        the same\nFAILED   no. 1      503        401\n"
	if err == nil || err.Error() != "1 of 2 scenarios failed" || b.String() != want {
		t.Errorf("%v, and\n%s\nwant\n%s", err, b.String(), want)
	}
}
